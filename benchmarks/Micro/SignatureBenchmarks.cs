using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Benchmarks;

/// <summary>The signature of a file's digest: verified by its key, and as a keyring remembers it.</summary>
public class SignatureBenchmarks
{
    readonly Digest _digest = Digest.Of(HashAlgorithm.Sha256, "content"u8);
    byte[] _label = [];
    Keyring _keyring = Keyring.Empty;

    [Params("RSA 2048", "RSA 4096", "ECDSA P-256", "ECDSA P-384")]
    public string Key { get; set; } = "";

    [GlobalSetup]
    public void Sign()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "signer.pem");
        string half = Path.Combine(AppContext.BaseDirectory, "verifier.pem");
        using AsymmetricAlgorithm key = Key switch
        {
            "RSA 2048" => RSA.Create(2048),
            "RSA 4096" => RSA.Create(4096),
            "ECDSA P-256" => ECDsa.Create(ECCurve.NamedCurves.nistP256),
            _ => ECDsa.Create(ECCurve.NamedCurves.nistP384),
        };
        File.WriteAllText(path, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(half, key.ExportSubjectPublicKeyInfoPem());
        using LabelSigner signer = LabelSigner.Open(path, null, null);
        byte[] label = new byte[LabelSigner.MostBytes];
        _label = label[..signer.Sign(in _digest, label)];
        _keyring = Keyring.Load([half], Blacklist.Empty, TimeProvider.System);
        File.Delete(path);
        File.Delete(half);
        if (Verify() != EvpVerdict.Good)
        {
            throw new InvalidOperationException($"{Key}: the signature is not verified");
        }
    }

    [Benchmark]
    public EvpVerdict Verify() => _keyring.Keys[0].Verify(in _digest, SecurityIma.Parse(_label).Signature);

    [Benchmark]
    public int Remembered()
    {
        SecurityIma xattr = SecurityIma.Parse(_label);
        return (int)_keyring.Verify(in xattr, in _digest);
    }
}
