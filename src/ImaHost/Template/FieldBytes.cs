using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>The kinds of bytes that fields are made of (ima_template_lib.c, ima_event*_init).</summary>
static class FieldBytes
{
    /// <summary>IMA_EVENT_NAME_LEN_MAX.</summary>
    public const int MaxLimitedName = 255;

    /// <summary>Algorithm, ":", NUL, digest, after a type such as "verity:".</summary>
    public static void AppendDigest(ReadOnlySpan<byte> type, Digest digest, ByteBuilder into)
    {
        into.Append(type);
        into.Append(digest.Algorithm.Utf8Name);
        into.Append(":\0"u8);
        into.Append(digest.Bytes);
    }

    /// <summary>A field that has no room to name its algorithm always holds SHA-1 (ima_eventdigest_init).</summary>
    public static void AppendSha1(in FieldSource source, ByteBuilder into)
    {
        Digest digest = source.Digest.Algorithm == HashAlgorithm.Sha1 ? source.Digest : source.Sha1;
        into.Append(digest.Bytes);
    }

    public static void AppendName(ReadOnlySpan<byte> name, ByteBuilder into)
    {
        EntryName.Append(name, into);
        into.Append((byte)0);
    }

    /// <summary>
    /// The whole path where it fits, else its last part, cut where it does not fit either. Measured as it is written,
    /// because escapes make it longer.
    /// </summary>
    public static void AppendLimitedName(ReadOnlySpan<byte> name, ByteBuilder into)
    {
        int start = into.Length;
        EntryName.Append(name, into);
        if (into.Length - start > MaxLimitedName)
        {
            into.Truncate(start);
            EntryName.Append(name[(name.LastIndexOf((byte)'/') + 1)..], into);
            into.Truncate(Math.Min(into.Length, start + MaxLimitedName));
        }

        into.Append((byte)0);
    }

    /// <param name="size">Bytes of the field: 2 or 4.</param>
    public static void AppendNumber(in FieldSource source, uint number, int size, ByteBuilder into)
    {
        if (source.HasInode)
        {
            AppendNumber(number, size, into);
        }
    }

    /// <summary>Little-endian.</summary>
    public static void AppendNumber(ulong number, int size, ByteBuilder into)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        into.Append(bytes[..size]);
    }
}
