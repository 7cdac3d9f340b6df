using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ImaHost.InteropTests.Support;

/// <summary>Writes a list of any length, of template ima-sig and with names of the length that most have.</summary>
public static class LargeList
{
    /// <returns>The PCRs that it gives in the bank sha256, as tpm2_pcrread writes them.</returns>
    public static string Write(string path, int entries)
    {
        using var file = new FileStream(
            path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 1 << 20);
        byte[] pcr = new byte[64];
        byte[] record = new byte[256];
        for (int i = 0; i < entries; i++)
        {
            int length = Fill(record, i);
            ReadOnlySpan<byte> data = record.AsSpan(Header.Length..length);
            CryptographicOperations.HashData(HashAlgorithmName.SHA1, data, record.AsSpan(4, 20));
            SHA256.HashData(data, pcr.AsSpan(32));
            SHA256.HashData(pcr, pcr.AsSpan(0, 32));
            file.Write(record, 0, length);
        }

        var text = new StringBuilder("  sha256:\n");
        for (int i = 0; i < 24; i++)
        {
            string value = i == 10 ? Convert.ToHexString(pcr.AsSpan(0, 32)) : new string('0', 64);
            text.Append(CultureInfo.InvariantCulture, $"    {i,-2}: 0x{value}\n");
        }

        return text.ToString();
    }

    /// <summary>Up to the template data: PCR 10, room for the digest, the template, room for the length.</summary>
    static ReadOnlySpan<byte> Header => "\x0a\0\0\0--------------------\x07\0\0\0ima-sig----"u8;

    static int Fill(byte[] record, int number)
    {
        Header.CopyTo(record);
        int at = Header.Length;
        at += Put(record, at, [.. "sha256:\0"u8, .. SHA256.HashData(BitConverter.GetBytes(number))]);
        at += Put(record, at, Encoding.ASCII.GetBytes($"/usr/lib/python3/dist-packages/module{number}.py\0"));
        at += Put(record, at, []);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(Header.Length - 4), at - Header.Length);
        return at;
    }

    static int Put(byte[] record, int at, ReadOnlySpan<byte> field)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(at), field.Length);
        field.CopyTo(record.AsSpan(at + 4));
        return 4 + field.Length;
    }
}
