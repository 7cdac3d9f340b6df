using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Who can get in the way of a load, and how loads get in each other's way.</summary>
public sealed class LoadingTests
{
    /// <summary>Without the right to label, which this host has not, it can be read and not be loaded.</summary>
    const string Unloadable = "hash func=BPRM_CHECK\n";

    [Fact]
    public void Strangers_file_of_the_same_name_keeps_no_writer_from_hearing_of_a_failure()
    {
        using var bench = new PolicyBench();
        string place = Bench.NewDirectory("place");
        Shell.Must("chmod", "777", place);
        Outcome outcome = Shell.Script(
            $"{PolicyBench.AsUser} sh -c 'exec 5>{place}/policy; touch {place}/open; exec sleep 20' & holder=$!\n"
            + $"while [ ! -e {place}/open ]; do sleep 0.05; done\n"
            + $"printf '{Unloadable}' | dd of={bench.File} conv=notrunc status=none; status=$?\n"
            + "kill $holder; exit $status");
        Assert.Equal(1, outcome.Status);
        Assert.Contains("Invalid argument", outcome.Errors, StringComparison.Ordinal);
    }
}
