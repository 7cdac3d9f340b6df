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
