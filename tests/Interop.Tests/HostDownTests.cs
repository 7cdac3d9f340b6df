using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>No host comes up: nobody waits for ever, root can repair the machine, and it is told of afterwards.</summary>
public sealed class HostDownTests
{
    const string Enforce = "--fail deny --deadline 60000";

    [Theory]
    [InlineData("--host-down wait", 0)]
    [InlineData("--host-down wait --fail deny", 126)]
    [InlineData("--host-down deny", 126)]
    [InlineData("--host-down allow --fail deny", 0)]
    public void Programs_are_answered_at_once_by_what_is_configured(string options, int status)
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        using Running guard = StartGuard(volume, $"{options} --deadline 60000");
        AwaitDown(volume);

        Assert.Equal(status, Shell.Script(program, seconds: 5).Status);

        Assert.Contains("accesses are answered at once", Stop(guard), StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_program_is_busy_rather_than_forbidden()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        using Running guard = StartGuard(volume, Enforce);
        AwaitDown(volume);

        string errors = Shell.Script($"exec {program}", seconds: 5).Errors;

        Assert.Contains(Kernel.Refusal, errors, StringComparison.OrdinalIgnoreCase);
        _ = Stop(guard);
    }

    [Fact]
    public void Root_can_copy_programs_of_its_own_and_everybody_reads_data()
    {
        using var volume = new Volume();
        string own = volume.AddProgram("own");
        string others = volume.AddProgram("others");
        Shell.Must("chown", "65534", others);
        File.WriteAllText(volume["data"], "text");
        using Running guard = StartGuard(volume, Enforce);
        AwaitDown(volume);

        Assert.Equal(0, Shell.Script($"cp {own} {volume["copy"]}", seconds: 5).Status);
        Assert.NotEqual(0, Shell.Script($"cat {others}", seconds: 5).Status);
        Assert.Equal("text", Shell.Script($"cat {volume["data"]}", seconds: 5).Output);
        _ = Stop(guard);
    }

    [Fact]
    public void Who_waits_when_the_limit_passes_is_answered_then()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        using Running guard = StartGuard(volume, $"{Enforce} --host-down-limit 1500");
        Shell.Until(() => Directory.GetFiles($"/proc/{guard.Pid}/fdinfo").Any(HasMark), "the volume is marked");
        long begun = Environment.TickCount64;

        Assert.Equal(126, Shell.Script(program, seconds: 15).Status);

        Assert.InRange(Environment.TickCount64 - begun, 1000, 10_000);
        Assert.Contains("no host comes up: 5 tries failed", Stop(guard), StringComparison.Ordinal);
    }

    [Fact]
    public void Host_that_comes_up_after_all_judges_again_and_enters_how_many_it_missed()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        string config = Bench.NewFile("imahost.yaml", "host_down: {action: allow, limit: 0}\n");
        string installed = Path.Combine(Bench.NewDirectory("installed"), "imahost");
        File.Copy(Bench.Program, installed);
        File.Copy(Bench.Guard, Path.Combine(Path.GetDirectoryName(installed)!, "imahost-guard"));
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --config {config}", program: installed);
        File.Move(installed, installed + ".away");
        daemon.KillHost();
        Shell.Until(() => daemon.Log.Contains("by allowing them", StringComparison.Ordinal), "the host is down");

        Shell.Must(program);
        Shell.Must(program);
        File.Move(installed + ".away", installed);

        Shell.Until(() => daemon.Log.Contains("took over", StringComparison.Ordinal), "the host is back");
        Shell.Until(() => daemon.Entries("imahost-unjudged").Length == 1, "it is entered");

        // A program that is started is opened twice.
        Assert.Matches("^accesses=[2-4]\n$", TextOf(daemon.Entries("imahost-unjudged")[0]));
        string later = volume.AddProgram("later");
        Shell.Must(later);
        Assert.Single(daemon.Entries(later));
        Assert.Empty(daemon.Entries(program));
    }

    static Running StartGuard(Volume volume, string options) => Shell.StartScript(
        $"exec {Bench.Guard} --watch {volume.Path} {options} -- /bin/false");

    /// <summary>Opens are answered at once as soon as no host is waited for.</summary>
    static void AwaitDown(Volume volume)
    {
        string probe = volume.AddProgram("probe");
        Shell.Until(
            () =>
            {
                using Running open = Shell.StartScript($"cat {probe} > /dev/null");
                Thread.Sleep(200);
                bool answered = open.HasExited;
                if (!answered)
                {
                    // It may have been answered just now.
                    Shell.Run("kill", "-KILL", $"{open.Pid}");
                }

                return answered;
            },
            "no host is waited for");
    }

    static bool HasMark(string descriptor) =>
        Shell.Run("cat", descriptor).Output.Contains("fanotify sdev:", StringComparison.Ordinal);

    static string Stop(Running guard)
    {
        Shell.Signal("TERM", guard.Pid);
        return guard.Wait().Errors;
    }

    /// <summary>What an entry of template ima-buf holds.</summary>
    static string TextOf(string line) =>
        System.Text.Encoding.UTF8.GetString(Convert.FromHexString(line.Split(' ')[^1]));
}
