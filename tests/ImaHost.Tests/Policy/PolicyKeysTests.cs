using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.KeyWorkshop;

namespace ImaHost.Tests.Policy;

public sealed class PolicyKeysTests : IDisposable
{
    const string Rules = "measure func=BPRM_CHECK\n";

    readonly TemporaryDirectory _directory = new();
    readonly KeyWorkshop _workshop;
    readonly string _policy;

    public PolicyKeysTests()
    {
        _workshop = new KeyWorkshop(_directory);
        _policy = _directory.Write("site.ima", Rules);
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("RSA", "rsa_keygen_bits:2048", "sha256")]
    [InlineData("RSA", "rsa_keygen_bits:3072", "sha384")]
    [InlineData("RSA", "rsa_keygen_bits:2048", "sha512")]
    [InlineData("EC", "ec_paramgen_curve:P-256", "sha256")]
    [InlineData("EC", "ec_paramgen_curve:P-384", "sha384")]
    [InlineData("EC", "ec_paramgen_curve:P-521", "sha512")]
    [InlineData("EC", "ec_paramgen_curve:P-256", "sha512")]
    public void File_that_openssl_has_signed_is_read(string algorithm, string option, string hash)
    {
        string key = _workshop.MakeKey("key", algorithm, "-pkeyopt", option);
        Sign(key, hash);
        LoadedFile file = PolicyFiles.Read(_policy, PolicyKeys.Load([PublicOf(key)]));
        Assert.True(file.IsSigned);
        Assert.Equal(Rules.TrimEnd(), Assert.Single(file.Rules.Rules).ToString());
    }

    [Theory]
    [InlineData("PEM")]
    [InlineData("DER")]
    public void Key_is_taken_from_a_certificate(string form)
    {
        string key = _workshop.MakeKey("key", Ec);
        Sign(key);
        PolicyKeys keys = PolicyKeys.Load([CertificateOf(key, "-outform", form)]);
        Assert.Empty(keys.Warnings);
        Assert.True(PolicyFiles.Read(_policy, keys).IsSigned);
    }

    [Fact]
    public void One_of_several_keys_suffices()
    {
        string first = _workshop.MakeKey("first", Rsa);
        string second = _workshop.MakeKey("second", Ec);
        string bundle = _directory.Write(
            "bundle.pem", $"# ours\n{File.ReadAllText(PublicOf(first))}\n{File.ReadAllText(CertificateOf(second))}");
        PolicyKeys keys = PolicyKeys.Load([PublicOf(_workshop.MakeKey("third", Ec)), bundle]);
        foreach (string key in (string[])[first, second])
        {
            Sign(key);
            Assert.True(PolicyFiles.Read(_policy, keys).IsSigned);
        }
    }

    [Fact]
    public void Every_file_of_a_directory_must_be_signed()
    {
        string key = _workshop.MakeKey("key", Ec);
        Sign(key);
        string other = _directory.Write("zzz.ima", Rules);
        PolicyException refused = Assert.Throws<PolicyException>(
            () => PolicyEntries.Load([_directory.Root], ["exec"], PolicyKeys.Load([PublicOf(key)])));
        Assert.StartsWith($"{other}: needs a signature", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Built_in_policies_need_no_signature() =>
        Assert.NotEmpty(PolicyEntries.Load(["tcb"], ["exec"], PolicyKeys.Load([PublicOf(_workshop.MakeKey("key", Ec))])).Rules);

    [Fact]
    public void File_without_signature_is_refused() =>
        Refused(
            _workshop.MakeKey("key", Ec),
            $"needs a signature, for keys are configured (policy_keys): {_policy}.sig: No such file or directory (ENOENT)");

    [Fact]
    public void File_that_was_changed_is_refused()
    {
        string key = _workshop.MakeKey("key", Rsa);
        Sign(key);
        File.AppendAllText(_policy, "dont_measure\n");
        Refused(key, $"{_policy}.sig is not a signature of it by the key in {_directory.At("key.pub")}");
    }

    [Fact]
    public void Signature_of_another_key_is_refused()
    {
        Sign(_workshop.MakeKey("other", Ec));
        Refused(_workshop.MakeKey("key", Ec), $"{_policy}.sig is not a signature of it by the key");
    }

    [Theory]
    [InlineData("sha1", "rsa_padding_mode:pkcs1")]
    [InlineData("sha256", "rsa_padding_mode:pss")]
    public void Signature_of_another_kind_is_refused(string hash, string option)
    {
        string key = _workshop.MakeKey("key", Rsa);
        Sign(key, hash, "-sigopt", option);
        Refused(key, $"{_policy}.sig is not a signature of it");
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("not a signature")]
    public void Signature_that_is_none_is_refused(string text)
    {
        _ = _directory.Write("site.ima.sig", text);
        Refused(_workshop.MakeKey("key", Ec), $"{_policy}.sig is not a signature of it");
        Refused(_workshop.MakeKey("rsa", Rsa), $"{_policy}.sig is not a signature of it");
    }

    [Fact]
    public void Signature_that_is_too_long_is_not_read()
    {
        _ = _directory.Write("site.ima.sig", new string('0', 1 << 20));
        Refused(_workshop.MakeKey("key", Ec), "needs a signature, for keys are configured (policy_keys): ");
    }

    [Fact]
    public void Certificate_whose_time_is_over_is_taken_with_a_warning()
    {
        string key = _workshop.MakeKey("key", Ec);
        Sign(key);
        string certificate = CertificateOf(key);
        Assert.Equal([$"{certificate}: expired on"], Warnings(certificate, years: 100, out PolicyKeys late));
        Assert.Equal([$"{certificate}: not valid before"], Warnings(certificate, years: -1, out _));
        Assert.True(PolicyFiles.Read(_policy, late).IsSigned);
    }

    [Fact]
    public void Certificate_that_is_for_something_else_is_refused() =>
        RefusedKey(
            CertificateOf(_workshop.MakeKey("key", Ec), "-addext", "keyUsage=keyEncipherment"),
            "its certificate is not one for signatures");

    [Fact]
    public void Private_key_is_refused() => RefusedKey(_workshop.MakeKey("key", Ec), "holds a private key");

    [Fact]
    public void Weak_key_is_refused()
    {
        RefusedKey(PublicOf(_workshop.MakeKey("rsa", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")), "its key has 1024 bits");
        RefusedKey(PublicOf(_workshop.MakeKey("ec", "EC", "-pkeyopt", "ec_paramgen_curve:P-224")), "its key has 224 bits");
    }

    [Fact]
    public void Key_of_another_kind_is_refused() =>
        RefusedKey(PublicOf(_workshop.MakeKey("key", "ED25519")), "its key is neither of RSA nor of ECDSA");

    [Theory]
    [InlineData("", "holds neither a certificate")]
    [InlineData("measure\n", "holds neither a certificate")]
    [InlineData("0rubbish", "no key can be read from it: ")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no key can be read from it: ")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no key can be read from it: ")]
    [InlineData("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "holds \"X509 CRL\"")]
    public void File_without_a_key_is_refused(string text, string why) => RefusedKey(_directory.Write("key.pem", text), why);

    [Fact]
    public void Missing_key_is_named() => RefusedKey(_directory.At("missing"), "No such file or directory (ENOENT)");

    static void RefusedKey(string file, string why)
    {
        PolicyException refused = Assert.Throws<PolicyException>(() => PolicyKeys.Load([file]));
        Assert.StartsWith($"{file}: {why}", refused.Message, StringComparison.Ordinal);
    }

    static string[] Warnings(string certificate, int years, out PolicyKeys keys)
    {
        keys = PolicyKeys.Load([certificate], DateTimeOffset.UtcNow.AddYears(years));
        return [.. keys.Warnings.Select(warning => warning[..^" 2026-01-01 00:00:00Z".Length])];
    }

    void Refused(string key, string why)
    {
        PolicyKeys keys = PolicyKeys.Load([PublicOf(key)]);
        PolicyException refused = Assert.Throws<PolicyException>(() => PolicyFiles.Read(_policy, keys));
        Assert.StartsWith($"{_policy}: {why}", refused.Message, StringComparison.Ordinal);
    }

    void Sign(string key, string hash = "sha256", params string[] options) =>
        OpenSsl(["dgst", "-" + hash, .. options, "-sign", key, "-out", _policy + ".sig", _policy]);
}
