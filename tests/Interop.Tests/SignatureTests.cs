using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What <c>imahost label --sign</c> writes is what evmctl writes, and evmctl verifies it.</summary>
public sealed class SignatureTests
{
    const string Module = "/usr/lib/softhsm/libsofthsm2.so";

    static readonly string[] Rsa = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

    public static TheoryData<string, string, string> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, string, string>();
            foreach (string hash in (string[])["sha1", "sha224", "sha256", "sha384", "sha512"])
            {
                kinds.Add("RSA", "rsa_keygen_bits:2048", hash);
                kinds.Add("EC", "ec_paramgen_curve:P-256", hash);
                kinds.Add("EC", "ec_paramgen_curve:P-384", hash);
            }

            kinds.Add("RSA", "rsa_keygen_bits:4096", "sha256");
            return kinds;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Signature_is_that_of_evmctl_and_verified_by_it(string algorithm, string option, string hash)
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string key = MakeKey(algorithm, "-pkeyopt", option);
        Shell.Must(Bench.Program, "label", "--sign", key, "--hash", hash, program);

        Outcome verified = Verify(key, program);
        Assert.True(verified.Status == 0, verified.Output + verified.Errors);
        if (algorithm == "RSA")
        {
            string ours = KeyBench.ReadLabel(program);
            Shell.Must("evmctl", "ima_sign", "-a", hash, "--key", key, program);
            Assert.Equal(KeyBench.ReadLabel(program), ours);
        }

        Volume.Change(program);
        Assert.NotEqual(0, Verify(key, program).Status);
    }

    [Fact]
    public void Key_that_is_locked_is_opened_by_the_file_with_its_passphrase()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string key = MakeKey(Rsa);
        string secret = Bench.NewFile("secret", "correct horse\n");
        string locked = key + ".locked";
        Shell.Must("openssl", "pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", $"file:{secret}");

        Shell.Must(Bench.Program, "label", "--sign", locked, "--pass-file", secret, program);
        Assert.Equal(0, Verify(key, program).Status);

        Outcome refused = Shell.Run(Bench.Program, "label", "--sign", locked, program);
        Assert.Equal(2, refused.Status);
        Assert.Contains($"{locked}: read the private key: it is locked, and no passphrase was given", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_of_signing_want_a_key()
    {
        Outcome refused = Shell.Run(Bench.Program, "label", "--verity", "/bin/true");
        Assert.Equal(2, refused.Status);
        Assert.Contains("--verity is for --sign KEY, which is missing", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void File_without_an_fs_verity_digest_is_signed_by_its_content()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string key = MakeKey(Rsa);
        Shell.Must(Bench.Program, "label", "--sign", key, "--verity", program);
        Assert.StartsWith("0x030204", KeyBench.ReadLabel(program), StringComparison.Ordinal);
        Assert.Equal(0, Verify(key, program).Status);
    }

    [Fact]
    public void Key_in_a_token_signs()
    {
        Assert.SkipUnless(File.Exists(Module), "softhsm2 is not installed");
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string key = MakeKey(Rsa);
        string tokens = Bench.NewDirectory("tokens");
        string configuration = Bench.NewFile("softhsm2.conf", $"directories.tokendir = {tokens}\nlog.level = ERROR\n");
        string pin = Bench.NewFile("pin", "1234\n");
        string environment =
            $"export SOFTHSM2_CONF={configuration} PKCS11_MODULE_PATH={Module} PKCS11_PROVIDER_MODULE={Module};";
        Outcome made = Shell.Script(
            $"{environment} softhsm2-util --init-token --free --label ima --pin 1234 --so-pin 4321"
            + $" && softhsm2-util --import {key} --token ima --label release --id 01 --pin 1234");
        Assert.True(made.Status == 0, made.Errors);

        Outcome signed = Shell.Script(
            $"{environment} {Bench.Program} label --sign 'pkcs11:token=ima;object=release;type=private'"
            + $" --pass-file {pin} {program}");

        Assert.True(signed.Status == 0, signed.Errors);
        string ours = KeyBench.ReadLabel(program);
        Shell.Must("evmctl", "ima_sign", "-a", "sha256", "--key", key, program);
        Assert.Equal(KeyBench.ReadLabel(program), ours);

        Outcome wrong = Shell.Script(
            $"{environment} {Bench.Program} label --sign 'pkcs11:token=ima;object=absent;type=private' --pass-file {pin} {program}");
        Assert.Equal(2, wrong.Status);
        Assert.Contains("object=absent", wrong.Errors, StringComparison.Ordinal);
    }

    static string MakeKey(params string[] algorithm)
    {
        string key = Path.Combine(Bench.NewDirectory("keys"), "key.pem");
        Shell.Must("openssl", ["genpkey", "-out", key, "-algorithm", .. algorithm]);
        return key;
    }

    static Outcome Verify(string key, string file)
    {
        string certificate = key + ".der";
        Shell.Must("openssl", "req", "-x509", "-key", key, "-subj", "/CN=test", "-outform", "DER", "-out", certificate);
        return Shell.Run("evmctl", "ima_verify", "--key", certificate, file);
    }
}
