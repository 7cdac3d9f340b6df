namespace ImaHost.InteropTests.Support;

/// <summary>A daemon with a TPM of the test, and a program that it measures.</summary>
public sealed class QuoteBench : IDisposable
{
    public const string Nonce = "00112233445566778899aabbccddeeff";

    /// <param name="key">attestation_key of the configuration.</param>
    /// <param name="log">log of the configuration.</param>
    public QuoteBench(string key = "ecc", string log = "{}")
    {
        string configuration = Bench.NewFile("imahost.yaml", $"attestation_key: {key}\nlog: {log}\n");
        Daemon = Daemon.Ready(Volume.Path, $"--tpm {Tpm.Transport} --config {configuration}");
        Program = Volume.AddProgram("program");
        Shell.Script(Program);
    }

    public Emulator Tpm { get; } = new();

    public Volume Volume { get; } = new();

    public Daemon Daemon { get; }

    public string Program { get; }

    /// <summary>Takes evidence into a new directory.</summary>
    public string TakeEvidence(string nonce = Nonce)
    {
        string directory = Bench.NewDirectory("evidence");
        Shell.Must(Bench.Program, "evidence", "--nonce", nonce, "--out", directory, "--state", Daemon.State);
        return directory;
    }

    /// <summary>The key as it was when the machine was trusted.</summary>
    public string TakeKey()
    {
        string directory = Bench.NewDirectory("enrolled");
        Shell.Must(Bench.Program, "quote", "--out", directory, "--state", Daemon.State);
        return Path.Combine(directory, "ak.pub");
    }

    public static Outcome Verify(string evidence, string key, string nonce = Nonce, params string[] options) =>
        Shell.Run(Bench.Program, ["verify", "--evidence", evidence, "--ak", key, "--nonce", nonce, .. options]);

    public void Dispose()
    {
        Daemon.Dispose();
        Volume.Dispose();
        Tpm.Dispose();
    }
}
