using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;

namespace ImaHost.Template;

/// <summary>A byte buffer that grows and is used again: once it is warm, building an entry allocates nothing.</summary>
sealed class ByteBuilder
{
    byte[] _bytes;

    public ByteBuilder(int capacity = 1024) => _bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Forgets what was appended after the first bytes.</summary>
    public void Truncate(int length) => Length = Math.Min(Length, length);

    public void Append(byte value) => Grow(1)[0] = value;

    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Grow(bytes.Length));

    /// <summary>Host byte order, as the kernel writes its lists (little-endian on every supported machine).</summary>
    public void AppendUInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Grow(4), value);

    /// <summary>Writes another byte over the last one, if there is one.</summary>
    public void ReplaceLast(byte value)
    {
        if (Length > 0)
        {
            _bytes[Length - 1] = value;
        }
    }

    public void AppendHex(ReadOnlySpan<byte> bytes) =>
        _ = Convert.TryToHexStringLower(bytes, Grow(bytes.Length * 2), out _);

    /// <summary>Appends the bytes that hexadecimal digits stand for.</summary>
    /// <returns>False, and nothing is appended, when they are not such.</returns>
    public bool TryAppendFromHex(ReadOnlySpan<byte> digits)
    {
        int size = digits.Length / 2;
        Span<byte> bytes = Grow(size);
        if (Convert.FromHexString(digits, bytes, out int read, out _) == OperationStatus.Done && read == digits.Length)
        {
            return true;
        }

        Length -= size;
        return false;
    }

    public void AppendDecimal(ulong value)
    {
        Span<byte> digits = stackalloc byte[20];
        _ = value.TryFormat(digits, out int count, default, CultureInfo.InvariantCulture);
        Append(digits[..count]);
    }

    /// <param name="width">Padded with spaces on the left, as printf("%*d").</param>
    public void AppendDecimal(long value, int width = 0)
    {
        Span<byte> digits = stackalloc byte[20];
        _ = value.TryFormat(digits, out int count, default, CultureInfo.InvariantCulture);
        for (int pad = count; pad < width; pad++)
        {
            Append((byte)' ');
        }

        Append(digits[..count]);
    }

    /// <summary>Leaves room for a length that is known later; see <see cref="PatchLength"/>.</summary>
    public int ReserveLength()
    {
        AppendUInt32(0);
        return Length;
    }

    /// <summary>Writes how many bytes were appended since <see cref="ReserveLength"/> returned its mark.</summary>
    public void PatchLength(int mark) =>
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(mark - 4), (uint)(Length - mark));

    Span<byte> Grow(int count)
    {
        if (Length + count > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        }

        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }
}
