using System.Globalization;
using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>`imahost stop`: the gate is opened only by who says so, and knows what that means.</summary>
public sealed class StopTests
{
    const int Usage = 2;

    [Fact]
    public void Stop_without_the_word_says_how_and_stops_nothing()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Outcome outcome = Shell.Run(Bench.Program, "stop", "--state", daemon.State);
        Assert.Equal(Usage, outcome.Status);
        Assert.Contains("opens the gate", outcome.Errors, StringComparison.Ordinal);
        Assert.EndsWith("imahost stop --open\n", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal("", outcome.Output);
        Assert.Equal(0, Shell.Script(volume.AddProgram("program")).Status);
        Assert.Equal(1, daemon.Status().GetProperty("accesses").GetProperty("cached").GetInt32());
    }

    [Fact]
    public void Stop_waits_for_the_end_and_says_what_is_not_covered_any_more()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Assert.Equal(0, Shell.Script(volume.AddProgram("program")).Status);
        Outcome outcome = Shell.Run(Bench.Program, "stop", "--open", "--state", daemon.State);
        Assert.Equal(("", 0), (outcome.Errors, outcome.Status));
        Assert.Contains($"\nuncovered  {volume.Path}\nverdicts   1 were kept\nlist       ", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("systemctl", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(daemon.Fs, File.ReadAllText("/proc/self/mounts"), StringComparison.Ordinal);
        Assert.Equal(0, daemon.AwaitFailure());
        string[] list = List(daemon);
        Assert.Equal($"entries={list.Length - 1}\norder=stop\n", HostEventTests.BufferOf(list[^1]));
        Assert.Contains($"\nlist       {list.Length - 1} entries", outcome.Output, StringComparison.Ordinal);

        Outcome again = Shell.Run(Bench.Program, "stop", "--open", "--state", daemon.State);
        Assert.Equal(Usage, again.Status);
        Assert.Contains("it is not running", again.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Stop_tells_a_program_in_JSON()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none", program: $"env NOTIFY_SOCKET=@nobody {Bench.Program}");
        JsonElement told = JsonDocument.Parse(
            Shell.Must(Bench.Program, "stop", "--open", "--json", "--state", daemon.State)).RootElement;
        Assert.Equal(volume.Path, told.GetProperty("watch")[0].GetString());
        Assert.Equal(0, told.GetProperty("cached").GetInt32());
        Assert.Equal(List(daemon).Length - 1, told.GetProperty("entries").GetInt32());
        Assert.True(told.GetProperty("supervised").GetBoolean());
        Assert.Equal(0, daemon.AwaitFailure());
    }

    [Fact]
    public void Stop_without_a_host_that_answers_names_the_guard()
    {
        using var volume = new Volume();
        string program = Installed.CopyTo(volume);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none", program: program);

        // No other host comes up: the guard does not let it run what others may write.
        Shell.Must("chmod", "o+w", program);
        daemon.KillHost();
        Shell.Until(() => daemon.Log.Contains("no host comes up", StringComparison.Ordinal), "the host is down");
        Outcome outcome = Shell.Run(Bench.Program, "stop", "--open", "--state", daemon.State);
        Assert.Equal(Usage, outcome.Status);
        string guard = daemon.GuardPid.ToString(CultureInfo.InvariantCulture);
        Assert.EndsWith($"the guard is process {guard}: kill -TERM {guard} opens the gate\n", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(0, daemon.Stop());
    }

    static string[] List(Daemon daemon) =>
        Shell.Must(Bench.Program, "list", "--state", daemon.State).TrimEnd('\n').Split('\n');
}
