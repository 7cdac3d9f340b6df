using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>A quote that tpm2-tools got from swtpm: tests/testdata/README.md, "quotes".</summary>
sealed class RecordedQuote(string kind)
{
    /// <summary>ECDSA on P-256, and RSASSA with 2048 bits.</summary>
    public static TheoryData<string> Kinds => ["ecc", "rsa"];

    public static byte[] Nonce { get; } = Convert.FromHexString("00112233445566778899aabbccddeeff");

    public byte[] Message => Read(QuoteFiles.Message);

    public byte[] Signature => Read(QuoteFiles.Signature);

    public byte[] Pcrs => Read(QuoteFiles.Pcrs);

    public byte[] KeyBytes => Read(QuoteFiles.Key);

    public byte[] PemBytes => Read(QuoteFiles.KeyPem);

    public QuoteKey OpenKey() => QuoteKey.Read(KeyBytes, QuoteFiles.Key);

    public Quote ToQuote() => new(
        Message, Signature, TpmPublic.ParseSized(KeyBytes, "key"), QuotedPcrs.Parse(Pcrs, QuoteFiles.Pcrs));

    /// <summary>Every array of bytes that has one bit flipped.</summary>
    public static IEnumerable<byte[]> FlipEach(byte[] bytes)
    {
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] flipped = [.. bytes];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            yield return flipped;
        }
    }

    /// <summary>All that it begins with, and it with one byte more.</summary>
    public static IEnumerable<byte[]> CutEach(byte[] bytes) =>
        Enumerable.Range(0, bytes.Length).Select(length => bytes[..length]).Append([.. bytes, 0]);

    byte[] Read(string name) => File.ReadAllBytes(Repository.Locate("tests", "testdata", "quotes", kind, name));
}
