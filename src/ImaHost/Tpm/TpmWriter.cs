using System.Buffers.Binary;

namespace ImaHost.Tpm;

/// <summary>Writes structures of TPM 2.0 Part 2, into memory that is used again: an extend allocates nothing.</summary>
sealed class TpmWriter(int capacity)
{
    readonly byte[] _bytes = new byte[capacity];
    int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    public void Put8(byte value) => Put(1)[0] = value;

    public void Put16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Put(2), value);

    public void Put32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Put(4), value);

    public void Put(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Put(bytes.Length));

    /// <summary>A TPM2B: Part 2, 10.4.</summary>
    public void PutSized(ReadOnlySpan<byte> bytes)
    {
        Put16((ushort)bytes.Length);
        Put(bytes);
    }

    /// <summary>Writes a number over what stands at that offset.</summary>
    public void Patch32(int at, int value) => BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(at), value);

    Span<byte> Put(int count)
    {
        _length += count;
        return _bytes.AsSpan(_length - count, count);
    }
}
