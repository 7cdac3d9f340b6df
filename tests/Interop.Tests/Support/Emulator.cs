using System.Globalization;
using System.Text.RegularExpressions;

namespace ImaHost.InteropTests.Support;

/// <summary>A TPM emulator (swtpm) that the test can stop, kill and start again.</summary>
public sealed partial class Emulator : IDisposable
{
    readonly string _directory = Bench.NewDirectory("tpm");

    public Emulator(string extra = "")
    {
        Socket = Path.Combine(_directory, "sock");
        Start(extra);
    }

    public string Socket { get; }

    public string Transport => $"swtpm:path={Socket}";

    int Pid => int.Parse(File.ReadAllText(Path.Combine(_directory, "pid")), CultureInfo.InvariantCulture);

    public void Start(string extra = "")
    {
        File.Delete(Socket);
        File.Delete(Socket + ".ctrl");
        Outcome outcome = Shell.Script(
            $"swtpm socket --tpm2 --daemon --tpmstate dir={_directory} --server type=unixio,path={Socket} "
            + $"--ctrl type=unixio,path={Socket}.ctrl --flags not-need-init,startup-clear "
            + $"--pid file={_directory}/pid {extra}");
        Assert.True(outcome.Status == 0, outcome.Errors);
    }

    public void Freeze() => Shell.Signal("STOP", Pid);

    public void Thaw() => Shell.Signal("CONT", Pid);

    public void Kill()
    {
        int pid = Pid;
        Shell.Signal("KILL", pid);
        Shell.Until(() => !Directory.Exists($"/proc/{pid}"), "swtpm ends");
    }

    /// <summary>The PCR as tpm2_pcrread tells it, in lower case.</summary>
    public string ReadPcr(string bank, int pcr)
    {
        string text = Shell.Must("tpm2_pcrread", "-T", Transport, $"{bank}:{pcr}");
        return PcrLine().Match(text).Groups[1].Value.ToLowerInvariant();
    }

    /// <summary>All PCRs of all banks, in a file as tpm2_pcrread writes them.</summary>
    public string ReadPcrs()
    {
        string pcrs = Path.Combine(_directory, "pcrs");
        File.WriteAllText(pcrs, Shell.Must("tpm2_pcrread", "-T", Transport));
        return pcrs;
    }

    /// <param name="digests">"sha256=HEX" for each bank.</param>
    public void Extend(int pcr, params string[] digests) =>
        Shell.Must("tpm2_pcrextend", "-T", Transport, $"{pcr}:{string.Join(',', digests)}");

    /// <summary>What evmctl says of a list and this TPM's bank.</summary>
    public Outcome Verify(string binaryList, string bank = "sha256", params string[] options)
    {
        string pcrs = Path.Combine(_directory, $"pcrs-{bank}");
        File.WriteAllText(pcrs, Shell.Must("tpm2_pcrread", "-T", Transport, bank));
        return Verifiers.Evmctl(binaryList, bank, Verifiers.PcrsForEvmctl(pcrs), options);
    }

    public void Dispose()
    {
        try
        {
            Thaw();
            Kill();
        }
        catch (Exception e) when (e is Xunit.Sdk.FailException or Xunit.Sdk.TrueException or IOException)
        {
            // The test killed it.
        }
    }

    [GeneratedRegex("0x([0-9A-Fa-f]+)")]
    private static partial Regex PcrLine();
}
