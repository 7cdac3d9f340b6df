using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>
/// Reads structures of TPM 2.0 Part 2 from bytes that anybody may have made: big-endian integers, and byte strings behind
/// their size.
/// </summary>
/// <param name="bytes">The structure.</param>
/// <param name="what">What it is, for messages: "the TPM's response", or a file.</param>
ref struct TpmReader(ReadOnlySpan<byte> bytes, string what)
{
    ReadOnlySpan<byte> _rest = bytes;

    /// <summary>What was not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    public readonly string What => what;

    public byte Take8() => Take(1)[0];

    public ushort Take16() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

    public uint Take32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    public ulong Take64() => BinaryPrimitives.ReadUInt64BigEndian(Take(8));

    /// <summary>The bytes of a TPM2B: Part 2, 10.4.</summary>
    public ReadOnlySpan<byte> TakeSized() => Take(Take16());

    /// <exception cref="TpmException">There are not so many.</exception>
    public ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            throw Refuse("ends too early");
        }

        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    /// <summary>A hash algorithm, TPM_ALG_ID.</summary>
    /// <exception cref="TpmException">It is not known here.</exception>
    public HashAlgorithm TakeHash()
    {
        ushort id = Take16();
        return HashAlgorithm.FromTpmId(id) ?? throw Refuse($"names a hash algorithm that is not known here, 0x{id:x4}");
    }

    /// <summary>A value that can be no other.</summary>
    /// <exception cref="TpmException">It is another.</exception>
    public void Expect16(ushort value, string field)
    {
        ushort found = Take16();
        if (found != value)
        {
            throw Refuse($"has {field} 0x{found:x4}; expected 0x{value:x4}");
        }
    }

    /// <exception cref="TpmException">Something follows the structure.</exception>
    public readonly void End()
    {
        if (!_rest.IsEmpty)
        {
            throw Refuse($"goes on for {_rest.Length} bytes after its end");
        }
    }

    /// <summary>To be thrown: "quote.msg " and what is wrong with it.</summary>
    public readonly TpmException Refuse(string why) => new($"{what} {why}");
}
