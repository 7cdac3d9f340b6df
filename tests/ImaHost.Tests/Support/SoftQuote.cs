using System.Security.Cryptography;
using ImaHost.Tpm;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Support;

/// <summary>A key in memory that signs quotes of any PCRs: what a TPM would not say can be said too.</summary>
sealed class SoftQuote : IDisposable
{
    readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public SoftQuote()
    {
        ECPoint point = _key.ExportParameters(false).Q;
        Public = TpmPublic.Parse(
            [
                0, 0x23, 0, 0x0b, 0, 5, 4, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10,
                0, 32, .. point.X!, 0, 32, .. point.Y!,
            ],
            "a key");
    }

    public TpmPublic Public { get; }

    public Quote Quote(byte[] nonce, IEnumerable<HashAlgorithm> banks, IEnumerable<int> pcrs, PcrSource source) =>
        Quote(nonce, PcrSelection.Of(banks, pcrs), source);

    public Quote Quote(byte[] nonce, PcrSelection selection, PcrSource source)
    {
        var values = QuotedPcrs.Take(selection, source);
        var message = new TpmWriter(1024);
        message.Put32(0xff544347);
        message.Put16(0x8018);
        message.PutSized([]); // qualifiedSigner
        message.PutSized(nonce);
        message.Put([.. new byte[16], 1]); // clockInfo
        message.Put(new byte[8]); // firmwareVersion
        values.Selection.Write(message);
        message.PutSized(values.Hash(HashAlgorithm.Sha256));
        byte[] bytes = message.Written.ToArray();
        byte[] signed = _key.SignData(
            bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return new Quote(bytes, [0, 0x18, 0, 0x0b, 0, 32, .. signed[..32], 0, 32, .. signed[32..]], Public, values);
    }

    public void Dispose() => _key.Dispose();
}
