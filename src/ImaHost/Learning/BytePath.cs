using System.Text;
using ImaHost.Template;

namespace ImaHost.Learning;

/// <summary>A path as the kernel has it, which need not be UTF-8. Equal when its bytes are.</summary>
readonly struct BytePath(byte[] bytes) : IEquatable<BytePath>, IComparable<BytePath>
{
    static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly byte[]? _bytes = bytes;

    public ReadOnlySpan<byte> Bytes => _bytes;

    public bool IsAbsolute => Bytes.StartsWith("/"u8);

    /// <summary>The directory it lies in, without a "/" at its end but for the root.</summary>
    public BytePath Directory => new(Bytes[..Math.Max(Bytes.LastIndexOf((byte)'/'), 1)].ToArray());

    /// <summary>As text; null: it is none.</summary>
    public string? Utf8
    {
        get
        {
            try
            {
                return Strict.GetString(Bytes);
            }
            catch (DecoderFallbackException)
            {
                return null;
            }
        }
    }

    /// <summary>It lies in a directory, at any depth, or is that directory.</summary>
    public bool IsAtOrBelow(BytePath directory) =>
        Bytes.StartsWith(directory.Bytes)
        && (Bytes.Length == directory.Bytes.Length || directory.Bytes.EndsWith("/"u8) || Bytes[directory.Bytes.Length] == '/');

    public bool Equals(BytePath other) => Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is BytePath other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    public int CompareTo(BytePath other) => Bytes.SequenceCompareTo(other.Bytes);

    /// <summary>For people, on one line.</summary>
    public override string ToString() => EntryName.ToText(Bytes);
}
