namespace ImaHost.InteropTests.Support;

/// <summary>The two programs that judge a list.</summary>
public static class Verifiers
{
    /// <param name="pcrs">As tpm2_pcrread writes them.</param>
    public static Outcome ImaHost(string list, string pcrs, params string[] options) =>
        Shell.Run(Bench.Program, ["verify", "--list", list, "--pcrs", pcrs, .. options]);

    /// <param name="pcrs">A file that <see cref="PcrsForEvmctl"/> made.</param>
    public static Outcome Evmctl(string list, string bank, string pcrs, params string[] options) =>
        Shell.Run("evmctl", ["ima_measurement", .. options, "--pcrs", $"{bank},{pcrs}", list]);

    /// <summary>The list leads to what the TPM holds, by our verifiers in two languages, and by evmctl.</summary>
    /// <param name="list">A directory of segments.</param>
    /// <param name="joined">The segments put together.</param>
    public static void AcceptSegments(string list, byte[] joined, Emulator tpm)
    {
        foreach (string script in new[] { "segment_verify.py", "segment_quotes.py" })
        {
            Accepts(Shell.Run("python3", Path.Combine(Bench.Repository, "tests", script), list));
        }

        Accepts(ImaHost(list, tpm.ReadPcrs(), "--exact"));
        string file = Path.Combine(Bench.NewDirectory("cat"), "list");
        File.WriteAllBytes(file, joined);
        Accepts(tpm.Verify(file));
    }

    static void Accepts(Outcome outcome) => Assert.True(outcome.Status == 0, outcome.Output + outcome.Errors);

    /// <summary>Turns what tpm2_pcrread wrote of one bank into a file that evmctl reads.</summary>
    /// <returns>That file, beside the other.</returns>
    public static string PcrsForEvmctl(string pcrs)
    {
        string convert = Path.Combine(Bench.Repository, "tests/demo/pcrs-for-evmctl.sh");
        Outcome made = Shell.Script($"{convert} < {pcrs} > {pcrs}.evmctl");
        Assert.True(made.Status == 0, made.Errors);
        return $"{pcrs}.evmctl";
    }
}
