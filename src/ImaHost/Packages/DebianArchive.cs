using System.Security.Cryptography;

namespace ImaHost.Packages;

/// <summary>
/// What a .deb holds, read from the archive itself. <c>dpkg-deb</c> takes it apart: it is what dpkg will unpack it with,
/// knows every compression, and where a .deb is installed it is there.
/// </summary>
/// <param name="Md5Sums">Its own list of MD5 digests; empty: it has none.</param>
/// <param name="Refused">Members with names that no installer takes.</param>
sealed record DebianArchive(PackageList List, string Md5Sums, IReadOnlyList<string> Refused)
{
    const int MostControl = 64 * 1024 * 1024;

    /// <summary>Those that dpkg runs (deb-preinst(5) and the like); config is for debconf.</summary>
    public static readonly string[] Scripts = ["preinst", "postinst", "prerm", "postrm", "config"];

    /// <summary>Reads the whole archive. All or nothing.</summary>
    /// <param name="root">The root directory it will be installed in.</param>
    /// <param name="from">What its list shall say.</param>
    /// <exception cref="PackageException">It is no .deb, or damaged.</exception>
    public static DebianArchive Read(string file, ContentHasher hasher, string root, RecordedFrom from)
    {
        file = Path.GetFullPath(file);
        try
        {
            var texts = new Dictionary<string, string>();
            bool Keep(string member, Stream content) => member switch
            {
                "/control" or "/md5sums" => texts.TryAdd(member, ReadText(content)),
                _ => false,
            };
            TarContents control = Tool.Run(
                "dpkg-deb", ["--ctrl-tarfile", file], tar => new TarContents(hasher).Read(tar, PlaceOfControl, Keep));
            TarContents data = Tool.Run(
                "dpkg-deb", ["--fsys-tarfile", file], tar => new TarContents(hasher).Read(tar, path => path));
            Stanza fields = Stanza.ReadAll(new StringReader(texts.GetValueOrDefault("/control", "")), "control").FirstOrDefault()
                ?? throw new PackageException("it has no control file");
            PackageId package = Identify(fields, root, "control");
            IEnumerable<ListedFile> scripts =
                control.Files.Select(script => script with { Path = ScriptPath(package, fields, script.Path[1..]) });
            string md5Sums = texts.GetValueOrDefault("/md5sums", "");
            return new DebianArchive(
                new PackageList(package, from, [.. scripts, .. data.Files]) { Md5Sums = HashOf(md5Sums) },
                md5Sums,
                [.. control.Refused, .. data.Refused]);
        }
        catch (PackageException e)
        {
            throw new PackageException($"{file}: {e.Message}");
        }
    }

    /// <summary>Which package a paragraph of dpkg is about.</summary>
    public static PackageId Identify(Stanza fields, string root, string source) =>
        new PackageId("dpkg", fields["Package"] ?? "", fields["Version"] ?? "", fields["Architecture"] ?? "", root).Checked(source);

    /// <summary>The stem of a package's files in dpkg's info directory: of a Multi-Arch: same package, several may be there.</summary>
    public static string InfoName(PackageId package, Stanza fields) =>
        fields["Multi-Arch"] == "same" ? $"{package.Name}:{package.Architecture}" : package.Name;

    static string? HashOf(string text) =>
        text.Length == 0 ? null : Convert.ToHexStringLower(SHA256.HashData(ByteText.Encoding.GetBytes(text)));

    static string ScriptPath(PackageId package, Stanza fields, string script) =>
        $"{DpkgDatabase.Directory}/info/{InfoName(package, fields)}.{script}";

    static string? PlaceOfControl(string member) =>
        member is "/control" or "/md5sums" || Scripts.Contains(member[1..]) ? member : null;

    static string ReadText(Stream content)
    {
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[8192];
        for (int got; (got = content.Read(buffer)) > 0;)
        {
            bytes.Write(buffer, 0, got);
            if (bytes.Length > MostControl)
            {
                throw new InvalidDataException("one of its control files is larger than 64 MiB");
            }
        }

        return ByteText.Encoding.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }
}
