namespace ImaHost.Tests.Support;

/// <summary>Packages of rpm, made by rpmbuild.</summary>
static class RpmPackage
{
    /// <param name="digests">Of its files: 1 is MD5, 2 SHA-1, 8 SHA-256, 10 SHA-512.</param>
    /// <param name="payload">"w19.zstdio" and the like.</param>
    /// <param name="sections">More of the spec file.</param>
    public static string Build(
        TemporaryDirectory directory, int digests = 8, string payload = "w9.gzdio", string version = "1.0", string sections = "")
    {
        string top = directory.At($"rpm{Guid.NewGuid():N}");
        string spec = directory.Write($"{Path.GetFileName(top)}/sample.spec", $"""
            Name: sample_x
            Epoch: 2
            Version: {version}
            Release: 1
            Summary: x
            License: x
            BuildArch: noarch
            %description
            x
            %install
            mkdir -p %buildroot/usr/bin %buildroot/etc
            printf 'program {version}' >%buildroot/usr/bin/sample
            printf 'odd' >"%buildroot/usr/bin/it's odd"
            printf 'setting' >%buildroot/etc/sample.conf
            ln -s sample %buildroot/usr/bin/link
            %files
            /usr/bin/*
            %config /etc/sample.conf
            %ghost /etc/sample.ghost
            {sections}
            """);
        Child.Run(
            "rpmbuild", "--quiet", "-bb", "--define", $"_topdir {top}", "--define", $"_binary_filedigest_algorithm {digests}",
            "--define", $"_binary_payload {payload}", "--define", "_build_id_links none", spec);
        return Directory.GetFiles(top, "*.rpm", SearchOption.AllDirectories).Single();
    }
}
