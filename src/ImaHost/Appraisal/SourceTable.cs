using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// The lists of an index, as bytes behind its rows, so that their state needs no list to be read. Texts have their
/// length in front (BinaryWriter); docs/formats.md has the order.
/// </summary>
static class SourceTable
{
    const int MostItems = 1 << 20;

    public static byte[] Write(IReadOnlyList<ReferenceSource> sources)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (ReferenceSource source in sources)
        {
            Write(writer, source);
        }

        writer.Flush();
        return bytes.ToArray();
    }

    /// <returns>Null: it is damaged, or written by other code.</returns>
    public static ReferenceSource[]? TryRead(byte[] table, int count)
    {
        using var bytes = new MemoryStream(table, writable: false);
        using var reader = new BinaryReader(bytes);
        try
        {
            var sources = new List<ReferenceSource>();
            for (int i = 0; i < count; i++)
            {
                sources.Add(Read(reader));
            }

            return bytes.Position == bytes.Length ? [.. sources] : null;
        }
        catch (Exception e) when (e is IOException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    static void Write(BinaryWriter writer, ReferenceSource source)
    {
        writer.Write((byte)source.Kind);
        writer.Write(source.File);
        Write(writer, source.Stamp.List);
        Write(writer, source.Stamp.Signature);
        writer.Write(source.Stamp.Terms);
        writer.Write(source.Count);
        writer.Write(source.NotAfter ?? long.MaxValue);
        WriteAll(writer, source.Paths.Select(glob => glob.Text));
        WriteAll(writer, source.Patterns.Select(glob => glob.Text));
        WriteAll(writer, source.Keys);
        WriteAll(writer, source.Package is { } package
            ? [package.Manager, package.Name, package.Version, package.Architecture] : []);
        WriteAll(writer, Optional(source.Recorded));
        WriteAll(writer, Optional(source.Error));
        WriteAll(writer, Optional(source.Note));
    }

    static ReferenceSource Read(BinaryReader reader)
    {
        var kind = (Vouching)reader.ReadByte();
        string file = reader.ReadString();
        var stamp = new ListStamp(ReadMark(reader), ReadMark(reader), reader.ReadUInt64());
        int count = reader.ReadInt32();
        long notAfter = reader.ReadInt64();
        var source = new ReferenceSource(kind, file, stamp)
        {
            Count = count,
            NotAfter = notAfter == long.MaxValue ? null : notAfter,
            Paths = [.. ReadAll(reader).Select(PathGlob.Parse)],
            Patterns = [.. ReadAll(reader).Select(PathGlob.Parse)],
            Keys = ReadAll(reader),
            Package = ReadAll(reader) is [var manager, var name, var version, var architecture]
                ? new ReferencePackage(manager, name, version, architecture) : null,
            Recorded = ReadAll(reader).FirstOrDefault(),
            Error = ReadAll(reader).FirstOrDefault(),
        };
        return source with { Note = ReadAll(reader).FirstOrDefault() };
    }

    static void Write(BinaryWriter writer, FileMark mark)
    {
        writer.Write(mark.Inode);
        writer.Write(mark.Size);
        Write(writer, mark.Modified);
        Write(writer, mark.Changed);
    }

    static void Write(BinaryWriter writer, FileTime time)
    {
        writer.Write(time.Seconds);
        writer.Write(time.Nanoseconds);
    }

    static FileMark ReadMark(BinaryReader reader) =>
        new(reader.ReadUInt64(), reader.ReadUInt64(), ReadTime(reader), ReadTime(reader));

    static FileTime ReadTime(BinaryReader reader) => new(reader.ReadInt64(), reader.ReadUInt32());

    static IEnumerable<string> Optional(string? text) => text == null ? [] : [text];

    static void WriteAll(BinaryWriter writer, IEnumerable<string> texts)
    {
        string[] all = [.. texts];
        writer.Write(all.Length);
        foreach (string text in all)
        {
            writer.Write(text);
        }
    }

    static string[] ReadAll(BinaryReader reader)
    {
        int count = reader.ReadInt32();
        if (count is < 0 or > MostItems)
        {
            throw new FormatException("more than there can be");
        }

        var texts = new List<string>();
        for (int i = 0; i < count; i++)
        {
            texts.Add(reader.ReadString());
        }

        return [.. texts];
    }
}
