using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ImaHost.InteropTests.Support;

/// <summary>An independent replay of a binary list, in the hash functions of .NET.</summary>
public static class Replay
{
    /// <summary>What PCR 10 holds after all entries, in hex.</summary>
    public static string Pcr10(ReadOnlySpan<byte> list, string bank)
    {
        var algorithm = new HashAlgorithmName(bank.ToUpperInvariant());
        byte[] pcr = new byte[CryptographicOperations.HashData(algorithm, []).Length];
        while (!list.IsEmpty)
        {
            int nameLength = BinaryPrimitives.ReadInt32LittleEndian(list[24..]);
            int dataLength = BinaryPrimitives.ReadInt32LittleEndian(list[(28 + nameLength)..]);
            ReadOnlySpan<byte> data = list.Slice(32 + nameLength, dataLength);
            bool violation = !list.Slice(4, 20).ContainsAnyExcept((byte)0);
            byte[] digest = CryptographicOperations.HashData(algorithm, data);
            if (violation)
            {
                Array.Fill(digest, (byte)0xff);
            }

            pcr = CryptographicOperations.HashData(algorithm, [.. pcr, .. digest]);
            list = list[(32 + nameLength + dataLength)..];
        }

        return Convert.ToHexStringLower(pcr);
    }
}
