using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ImaHost.Tests.Support;

/// <summary>An entry of template ima-sig, put together by hand: what the product's output is compared with.</summary>
sealed record Entry(byte[] Digest, string Name, byte[] Signature)
{
    public int Pcr { get; init; } = 10;

    public bool IsViolation { get; init; }

    byte[] Shown => IsViolation ? new byte[Digest.Length] : Digest;

    /// <summary>The entry that a number stands for; no two are alike, and neither are their lengths.</summary>
    public static Entry Number(int number)
    {
        byte[] digest = SHA256.HashData(BitConverter.GetBytes(number));
        string name = $"/srv/{number}/{new string('n', number * 7 % 61)}é";
        return new Entry(digest, name, number % 5 == 0 ? digest[..(number % 31)] : []);
    }

    public byte[] Data()
    {
        using var data = new MemoryStream();
        Put(data, [.. "sha256:\0"u8, .. Shown]);
        Put(data, [.. Encoding.UTF8.GetBytes(Name), 0]);
        Put(data, Signature);
        return data.ToArray();
    }

    public byte[] Record()
    {
        using var record = new MemoryStream();
        Put(record, Pcr);
        record.Write(TemplateDigest());
        Put(record, "ima-sig"u8);
        Put(record, Data());
        return record.ToArray();
    }

    public string Line() =>
        $"{Pcr,2} {Convert.ToHexStringLower(TemplateDigest())} ima-sig sha256:{Convert.ToHexStringLower(Shown)} {Name} "
        + $"{Convert.ToHexStringLower(Signature)}\n";

#pragma warning disable CA5350 // the list's format has SHA-1 here
    byte[] TemplateDigest() => IsViolation ? new byte[20] : SHA1.HashData(Data());
#pragma warning restore CA5350

    static void Put(MemoryStream into, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        into.Write(bytes);
    }

    static void Put(MemoryStream into, ReadOnlySpan<byte> field)
    {
        Put(into, field.Length);
        into.Write(field);
    }
}
