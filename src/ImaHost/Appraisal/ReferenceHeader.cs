using System.Buffers.Binary;
using System.Security.Cryptography;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Appraisal;

/// <summary>The rows of one kind of digest in an index file.</summary>
/// <param name="Bits">The directory has an entry for each value of so many first bits of a digest.</param>
/// <param name="Directory">Where it begins: for each value the first row that has it or a higher one, and the number of rows.</param>
/// <param name="Rows">Where they begin.</param>
readonly record struct SectionPlace(DigestKind Kind, int Bits, int Count, int Directory, int Rows);

/// <summary>
/// The beginning of an index file: <c>magic[8] version u32, sections u32, length u64, build u64, salt[16], sources
/// offset u64, length u32, number u32, checksum[32]</c>, then of each section <c>algorithm u8, verity u8, bits u8, 0,
/// rows u32, directory u64, rows u64</c>; all little-endian. The checksum is the SHA-256 of the header, itself taken as
/// zero, and of the sources.
/// </summary>
sealed record ReferenceHeader(
    ulong Build, byte[] Salt, int Length, int Sources, int SourcesLength, int SourceCount, IReadOnlyList<SectionPlace> Sections)
{
    public const int Bytes = 1024;

    const uint Version = 1;
    const int ChecksumAt = 64;
    const int SectionsAt = 96;
    const int SectionBytes = 24;
    const int MostBits = 24;

    static ReadOnlySpan<byte> Magic => "IMAREFS\n"u8;

    public byte[] Write(ReadOnlySpan<byte> sources)
    {
        byte[] header = new byte[Bytes];
        Magic.CopyTo(header);
        Put(header, 8, Version);
        Put(header, 12, (uint)Sections.Count);
        Put64(header, 16, (ulong)Length);
        Put64(header, 24, Build);
        Salt.CopyTo(header, 32);
        Put64(header, 48, (ulong)Sources);
        Put(header, 56, (uint)SourcesLength);
        Put(header, 60, (uint)SourceCount);
        for (int i = 0; i < Sections.Count; i++)
        {
            Span<byte> section = header.AsSpan(SectionsAt + (i * SectionBytes), SectionBytes);
            section[0] = Sections[i].Kind.Algorithm.KernelId;
            section[1] = Sections[i].Kind.IsVerity ? (byte)1 : (byte)0;
            section[2] = (byte)Sections[i].Bits;
            Put(section, 4, (uint)Sections[i].Count);
            Put64(section, 8, (ulong)Sections[i].Directory);
            Put64(section, 16, (ulong)Sections[i].Rows);
        }

        Checksum(header, sources).CopyTo(header, ChecksumAt);
        return header;
    }

    /// <summary>Reads the header of a file, all of which is there.</summary>
    /// <returns>Null: it is no index, of another version, or damaged.</returns>
    public static ReferenceHeader? TryRead(ReadOnlySpan<byte> file)
    {
        if (file.Length < Bytes || !file.StartsWith(Magic) || Get(file, 8) != Version || Get64(file, 16) != (ulong)file.Length
            || Get64(file, 48) > (ulong)file.Length || Get(file, 56) > (ulong)file.Length - Get64(file, 48))
        {
            return null;
        }

        ReadOnlySpan<byte> sources = file.Slice((int)Get64(file, 48), (int)Get(file, 56));
        uint count = Get(file, 12);
        if (count > (Bytes - SectionsAt) / SectionBytes
            || !Checksum(file[..Bytes].ToArray(), sources).AsSpan().SequenceEqual(file.Slice(ChecksumAt, SHA256.HashSizeInBytes)))
        {
            return null;
        }

        var sections = new List<SectionPlace>();
        for (int i = 0; i < count; i++)
        {
            if (!TryReadSection(file.Slice(SectionsAt + (i * SectionBytes), SectionBytes), file.Length, out SectionPlace section))
            {
                return null;
            }

            sections.Add(section);
        }

        return new ReferenceHeader(
            Get64(file, 24), file.Slice(32, PathTag.SaltBytes).ToArray(), file.Length, (int)Get64(file, 48), sources.Length,
            (int)Get(file, 60), sections);
    }

    static bool TryReadSection(ReadOnlySpan<byte> section, int length, out SectionPlace place)
    {
        place = default;
        if (HashAlgorithm.FromKernelId(section[0]) is not { } algorithm || section[1] > 1 || section[2] > MostBits)
        {
            return false;
        }

        var kind = new DigestKind(algorithm, section[1] == 1);
        ulong directory = Get64(section, 8);
        ulong rows = Get64(section, 16);
        ulong count = Get(section, 4);
        ulong entries = (1UL << section[2]) + 1;
        bool fits = directory <= (ulong)length && entries * sizeof(uint) <= (ulong)length - directory
            && rows <= (ulong)length && count * (ulong)kind.RowBytes <= (ulong)length - rows;
        place = fits ? new SectionPlace(kind, section[2], (int)count, (int)directory, (int)rows) : default;
        return fits;
    }

    static byte[] Checksum(byte[] header, ReadOnlySpan<byte> sources)
    {
        header.AsSpan(ChecksumAt, SHA256.HashSizeInBytes).Clear();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        hash.AppendData(sources);
        return hash.GetHashAndReset();
    }

    static void Put(Span<byte> into, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(into[at..], value);

    static void Put64(Span<byte> into, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(into[at..], value);

    static uint Get(ReadOnlySpan<byte> from, int at) => BinaryPrimitives.ReadUInt32LittleEndian(from[at..]);

    static ulong Get64(ReadOnlySpan<byte> from, int at) => BinaryPrimitives.ReadUInt64LittleEndian(from[at..]);
}
