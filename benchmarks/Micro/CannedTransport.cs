using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Benchmarks;

/// <summary>A TPM that takes no time: extends succeed, and every PCR reads as zeros.</summary>
sealed class CannedTransport : TpmTransport
{
    const uint CommandPcrRead = 0x17e;
    const int BankAt = 10 + 4;
    const int SelectionSize = 4 + 2 + 1 + 3;

    /// <summary>Header, parameterSize, and the session of a command with a password (Part 1, 18.9).</summary>
    static readonly byte[] Extended = [0x80, 0x02, 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];

    public override string Name => "canned";

    public override bool AdmitsOneUser => false;

    public override int Transmit(ReadOnlySpan<byte> command, Span<byte> response, int timeout)
    {
        if (BinaryPrimitives.ReadUInt32BigEndian(command[6..]) == CommandPcrRead)
        {
            return ShowZeros(command, response);
        }

        Extended.CopyTo(response);
        return Extended.Length;
    }

    public override void Release()
    {
    }

    /// <summary>pcrUpdateCounter, the selection as it was asked for, and one digest (Part 3, 22.4).</summary>
    static int ShowZeros(ReadOnlySpan<byte> command, Span<byte> response)
    {
        ushort bank = BinaryPrimitives.ReadUInt16BigEndian(command[BankAt..]);
        ushort size = (ushort)HashAlgorithm.FromTpmId(bank)!.Size;
        int length = 10 + 4 + SelectionSize + 4 + 2 + size;
        response[..length].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(response, 0x8001);
        BinaryPrimitives.WriteInt32BigEndian(response[2..], length);
        command.Slice(10, SelectionSize).CopyTo(response[14..]);
        response[14 + SelectionSize + 3] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(response[(14 + SelectionSize + 4)..], size);
        return length;
    }
}
