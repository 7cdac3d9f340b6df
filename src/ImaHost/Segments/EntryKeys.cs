using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Segments;

/// <summary>
/// What is left of the entries of an erased segment, so that none of them is ever measured twice: 40 bytes for each, its
/// offset in the list (little-endian) and a digest of all that makes it the same entry. In the order of the list.
/// </summary>
sealed class EntryKeys(string path) : IDisposable
{
    public const int Size = 8 + DigestSize;
    const int DigestSize = 32;

    readonly AppendFile _file = AppendFile.OpenToRead(path);
    readonly byte[] _key = new byte[Size];

    /// <summary>SHA-256 of the PCR (32 bits, little-endian), the template's name, a zero byte and the template data.</summary>
    public static Digest Of(in MeasurementRecord record, ByteBuilder scratch, DigestSet digests)
    {
        scratch.Clear();
        scratch.AppendUInt32((uint)record.Pcr);
        scratch.Append(record.TemplateName);
        scratch.Append((byte)0);
        scratch.Append(record.Data);
        return digests.Hash(HashAlgorithm.Sha256, scratch.Written);
    }

    /// <summary>Writes the keys of all measurements of a segment; violations are never looked for.</summary>
    /// <exception cref="IOException">The disk refused it.</exception>
    public static void Write(string path, SegmentData segment, DigestSet digests)
    {
        var keys = new ByteBuilder();
        var scratch = new ByteBuilder();
        Span<byte> offset = stackalloc byte[8];
        LogReader reader = segment.Open();
        while (reader.Next(out MeasurementRecord record))
        {
            if (!record.IsViolation)
            {
                BinaryPrimitives.WriteInt64LittleEndian(offset, reader.Offset);
                keys.Append(offset);
                keys.Append(Of(in record, scratch, digests).Bytes);
            }
        }

        DurableFile.Write(path, keys.Written);
    }

    /// <summary>Is this the entry that stood at that offset of the list?</summary>
    public bool Is(long offset, in Digest key)
    {
        long low = 0;
        long high = _file.Length / Size;
        while (low < high)
        {
            long middle = (low + high) / 2;
            long found = ReadAt(middle);
            if (found == offset)
            {
                return key.Bytes.SequenceEqual(_key.AsSpan(8));
            }

            (low, high) = found < offset ? (middle + 1, high) : (low, middle);
        }

        return false;
    }

    public void ForEach(Action<long, Digest> take)
    {
        long count = _file.Length / Size;
        for (long number = 0; number < count; number++)
        {
            long offset = ReadAt(number);
            take(offset, new Digest(HashAlgorithm.Sha256, _key.AsSpan(8)));
        }
    }

    public void Dispose() => _file.Dispose();

    long ReadAt(long number)
    {
        _ = _file.ReadAt(_key, number * Size);
        return BinaryPrimitives.ReadInt64LittleEndian(_key);
    }
}
