using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ImaHost.InteropTests.Support;

/// <summary>One record of a binary list.</summary>
public sealed record ListRecord(int Pcr, byte[] Digest, string Template, byte[] Data)
{
    public bool IsViolation => !Digest.AsSpan().ContainsAnyExcept((byte)0);
}

/// <summary>An independent reading and replay of a binary list, in the hash functions of .NET.</summary>
public static class Replay
{
    /// <param name="list">Of any template but "ima", whose data have no length.</param>
    /// <param name="size">Bytes of a template digest.</param>
    public static List<ListRecord> Read(ReadOnlySpan<byte> list, int size = 20)
    {
        var records = new List<ListRecord>();
        while (!list.IsEmpty)
        {
            int pcr = BinaryPrimitives.ReadInt32LittleEndian(list);
            ReadOnlySpan<byte> rest = list[(4 + size)..];
            ReadOnlySpan<byte> name = Take(ref rest);
            ReadOnlySpan<byte> data = Take(ref rest);
            string template = Encoding.UTF8.GetString(name);
            records.Add(new ListRecord(pcr, list.Slice(4, size).ToArray(), template, data.ToArray()));
            list = rest;
        }

        return records;
    }

    /// <summary>Where each record of a kernel's list begins, whatever its template.</summary>
    public static List<int> Walk(ReadOnlySpan<byte> list)
    {
        var offsets = new List<int>();
        ReadOnlySpan<byte> rest = list;
        while (!rest.IsEmpty)
        {
            offsets.Add(list.Length - rest.Length);
            rest = rest[24..];
            rest = Take(ref rest).SequenceEqual("ima"u8) ? rest[20..] : rest;
            _ = Take(ref rest);
        }

        return offsets;
    }

    /// <summary>What PCR 10 holds after all entries, in hex.</summary>
    public static string Pcr10(ReadOnlySpan<byte> list, string bank) => Pcr(Read(list), 10, bank);

    /// <summary>What a PCR holds after all entries, in hex.</summary>
    public static string Pcr(IEnumerable<ListRecord> list, int pcr, string bank)
    {
        var algorithm = new HashAlgorithmName(bank.ToUpperInvariant());
        byte[] value = new byte[CryptographicOperations.HashData(algorithm, []).Length];
        foreach (ListRecord record in list.Where(record => record.Pcr == pcr))
        {
            byte[] digest = CryptographicOperations.HashData(algorithm, record.Data);
            if (record.IsViolation)
            {
                Array.Fill(digest, (byte)0xff);
            }

            value = CryptographicOperations.HashData(algorithm, [.. value, .. digest]);
        }

        return Convert.ToHexStringLower(value);
    }

    static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> rest)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
        ReadOnlySpan<byte> taken = rest.Slice(4, length);
        rest = rest[(4 + length)..];
        return taken;
    }
}
