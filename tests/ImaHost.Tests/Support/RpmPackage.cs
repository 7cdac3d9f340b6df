using System.Buffers.Binary;
using System.Text;

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

    /// <summary>
    /// Puts signatures of files into the signature header, where rpmsign has them (RPMSIGTAG_FILESIGNATURES, one string for
    /// each file, and their length); the rpm of Debian is built without that.
    /// </summary>
    /// <param name="signatures">Hexadecimal, in the order of the files.</param>
    public static void AddSignatures(string file, params string[] signatures)
    {
        const int lead = 96;
        const int intro = 16; // magic, reserved, entries, bytes of data
        byte[] old = File.ReadAllBytes(file);
        int entries = BinaryPrimitives.ReadInt32BigEndian(old.AsSpan(lead + 8));
        int length = BinaryPrimitives.ReadInt32BigEndian(old.AsSpan(lead + 12));
        int data = lead + intro + (16 * entries);
        int rest = lead + Padded(intro + (16 * entries) + length, 8);
        var index = new List<byte>(old[(lead + intro)..data]);
        var store = new List<byte>(old[data..(data + length)]);
        Append(index, store, tag: 274, type: 8, signatures.Length, Encoding.ASCII.GetBytes(string.Join('\0', signatures) + '\0'));
        Append(index, store, tag: 275, type: 4, 1, [0, 0, 0, 13]);
        var header = new List<byte>([.. old[lead..(lead + 8)], .. BigEndian(index.Count / 16), .. BigEndian(store.Count), .. index, .. store]);
        header.AddRange(new byte[Padded(header.Count, 8) - header.Count]);
        File.WriteAllBytes(file, [.. old[..lead], .. header, .. old[rest..]]);
    }

    static void Append(List<byte> index, List<byte> store, int tag, int type, int count, byte[] value)
    {
        store.AddRange(new byte[Padded(store.Count, 4) - store.Count]);
        index.AddRange([.. BigEndian(tag), .. BigEndian(type), .. BigEndian(store.Count), .. BigEndian(count)]);
        store.AddRange(value);
    }

    static int Padded(int size, int to) => (size + to - 1) / to * to;

    static byte[] BigEndian(int number)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }
}
