using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>What a digest is of: the content of a file, or what fs-verity says of it.</summary>
readonly record struct DigestKind(HashAlgorithm Algorithm, bool IsVerity)
{
    /// <summary>How many slots there are.</summary>
    public static int Slots { get; } = 2 * (HashAlgorithm.MaxKernelId + 1);

    /// <summary>Of the longest digests there are.</summary>
    public const int MostRowBytes = HashAlgorithm.MaxSize + ReferenceRow.Rest;

    /// <summary>A small number of its own.</summary>
    public int Slot => SlotOf(Algorithm, IsVerity);

    /// <summary>Bytes of a row.</summary>
    public int RowBytes => Algorithm.Size + ReferenceRow.Rest;

    public static int SlotOf(HashAlgorithm algorithm, bool isVerity) => (2 * algorithm.KernelId) + (isVerity ? 1 : 0);

    public static DigestKind OfSlot(int slot) => new(HashAlgorithm.FromKernelId((byte)(slot / 2))!, slot % 2 == 1);

    public override string ToString() => IsVerity ? $"verity:{Algorithm}" : Algorithm.Name;
}

/// <summary>Where a file must lie for a digest to vouch for it.</summary>
enum PathBinding
{
    /// <summary>Anywhere; the tag is that of the path it is listed with, or 0.</summary>
    Anywhere = 0,
    /// <summary>At the path whose tag it has.</summary>
    Exact = 1,
    /// <summary>At a path that one of the list's patterns matches: the tag is its number.</summary>
    Pattern = 2,
}

/// <summary>
/// One digest of a list, as it lies in the index: digest ‖ source u16 ‖ line and binding u32 ‖ tag u64. The numbers are
/// big-endian, so that rows sorted as bytes are sorted by digest, then source, then line.
/// </summary>
readonly ref struct ReferenceRow(ReadOnlySpan<byte> bytes)
{
    /// <summary>Bytes after the digest.</summary>
    public const int Rest = 14;

    /// <summary>The highest line there is room for.</summary>
    public const int MostLine = int.MaxValue >> BindingBits;

    const int BindingBits = 2;

    readonly ReadOnlySpan<byte> _rest = bytes[^Rest..];

    public int Source => BinaryPrimitives.ReadUInt16BigEndian(_rest);

    public int Line => (int)(BinaryPrimitives.ReadUInt32BigEndian(_rest[2..]) >> BindingBits);

    public PathBinding Binding => (PathBinding)(_rest[5] & ((1 << BindingBits) - 1));

    public ulong Tag => BinaryPrimitives.ReadUInt64BigEndian(_rest[6..]);

    public static void Write(
        Span<byte> row, ReadOnlySpan<byte> digest, int source, int line, PathBinding binding, ulong tag)
    {
        digest.CopyTo(row);
        Span<byte> rest = row[^Rest..];
        BinaryPrimitives.WriteUInt16BigEndian(rest, (ushort)source);
        BinaryPrimitives.WriteUInt32BigEndian(rest[2..], ((uint)line << BindingBits) | (uint)binding);
        BinaryPrimitives.WriteUInt64BigEndian(rest[6..], tag);
    }

    /// <summary>Gives a row the number that its source has in another index.</summary>
    public static void Renumber(Span<byte> row, int source) =>
        BinaryPrimitives.WriteUInt16BigEndian(row[^Rest..], (ushort)source);
}
