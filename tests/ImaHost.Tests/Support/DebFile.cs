using System.Formats.Tar;
using System.Text;

namespace ImaHost.Tests.Support;

/// <summary>Packages of dpkg, made by dpkg-deb, or by hand where dpkg-deb would not make such a thing.</summary>
static class DebFile
{
    /// <summary>What the package says of its files. Nobody looks whether it is so.</summary>
    public const string Md5Sums = "d41d8cd98f00b204e9800998ecf8427e  usr/bin/sample\n";

    /// <summary>Builds a package with a program, a script and a configuration file.</summary>
    /// <param name="compression">gzip, xz, zstd or none.</param>
    public static string Build(TemporaryDirectory directory, string compression = "gzip", string version = "1:1.0-1", string architecture = "all")
    {
        string tree = $"tree{Guid.NewGuid():N}";
        _ = directory.Write($"{tree}/DEBIAN/control",
            $"Package: sample\nVersion: {version}\nArchitecture: {architecture}\n"
            + $"Multi-Arch: {(architecture == "all" ? "foreign" : "same")}\n"
            + "Maintainer: nobody <nobody@example.org>\nDescription: x\n");
        string script = directory.Write($"{tree}/DEBIAN/preinst", $"#!/bin/sh\n# {version}\n");
        _ = directory.Write($"{tree}/DEBIAN/conffiles", "/etc/sample.conf\n");
        _ = directory.Write($"{tree}/usr/bin/sample", $"program {version}");
        _ = directory.Write($"{tree}/etc/sample.conf", "setting");
        _ = directory.Write($"{tree}/DEBIAN/md5sums", Md5Sums);
        _ = File.CreateSymbolicLink(directory.At(tree, "usr", "bin", "link"), "sample");
        File.SetUnixFileMode(script, (UnixFileMode)0b111_101_101);
        string file = directory.At($"sample-{Guid.NewGuid():N}.deb");
        Child.Run("dpkg-deb", "--root-owner-group", $"-Z{compression}", "-b", directory.At(tree), file);
        return file;
    }

    /// <summary>A package whose data archive is what a test makes of it.</summary>
    public static string Craft(TemporaryDirectory directory, Action<TarWriter> write, TarEntryFormat format = TarEntryFormat.Gnu)
    {
        using var control = new MemoryStream();
        using (var tar = new TarWriter(control, TarEntryFormat.Gnu, leaveOpen: true))
        {
            Add(tar, "./control", "Package: sample\nVersion: 1\nArchitecture: all\n");
        }

        using var data = new MemoryStream();
        using (var tar = new TarWriter(data, format, leaveOpen: true))
        {
            write(tar);
        }

        return Pack(directory, control.ToArray(), data.ToArray());
    }

    public static void Add(TarWriter tar, string name, string content) => Add(tar, name, Encoding.UTF8.GetBytes(content));

    public static void Add(TarWriter tar, string name, byte[] content)
    {
        TarEntry entry = tar.Format == TarEntryFormat.Pax
            ? new PaxTarEntry(TarEntryType.RegularFile, name)
            : new GnuTarEntry(TarEntryType.RegularFile, name);
        entry.DataStream = new MemoryStream(content);
        tar.WriteEntry(entry);
    }

    /// <summary>Writes the ar archive that a .deb is (deb(5)).</summary>
    public static string Pack(TemporaryDirectory directory, byte[] control, byte[] data)
    {
        string path = directory.At($"crafted-{Guid.NewGuid():N}.deb");
        using FileStream file = File.Create(path);
        file.Write("!<arch>\n"u8);
        Append(file, "debian-binary", "2.0\n"u8.ToArray());
        Append(file, "control.tar", control);
        Append(file, "data.tar", data);
        return path;
    }

    static void Append(FileStream file, string name, byte[] content)
    {
        file.Write(Encoding.ASCII.GetBytes($"{name,-16}{0,-12}{0,-6}{0,-6}{"100644",-8}{content.Length,-10}`\n"));
        file.Write(content);
        if (content.Length % 2 != 0)
        {
            file.WriteByte((byte)'\n');
        }
    }
}
