using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What the unit does when the guard has ended (packaging/service.sh).</summary>
public sealed class AfterStopTests
{
    static readonly string Script = Path.Combine(Bench.Repository, "packaging", "service.sh");

    [Fact]
    public void Mount_of_a_dead_guard_is_taken_away()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Shell.Signal("KILL", daemon.GuardPid);
        Shell.Until(() => Shell.Run("ls", daemon.Fs).Status != 0, "the mount is dead");
        Assert.True(IsMounted(daemon.Fs));

        Assert.Equal(0, AfterStop("").Status);

        Assert.False(IsMounted(daemon.Fs));
    }

    [Fact]
    public void Mount_of_a_guard_that_lives_stays()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");

        Assert.Equal(0, AfterStop("").Status);

        Assert.NotEqual("", File.ReadAllText(daemon.AsciiList));
    }

    [Theory]
    [InlineData("EXIT_STATUS=2 SERVICE_RESULT=exit-code", 1000, 5000)]
    [InlineData("EXIT_STATUS=0 SERVICE_RESULT=protocol", 1000, 5000)]
    [InlineData("EXIT_STATUS=KILL SERVICE_RESULT=signal", 0, 900)]
    public void Refused_start_is_not_tried_again_at_once(string ended, int least, int most)
    {
        long begun = Environment.TickCount64;
        Assert.Equal(0, AfterStop(ended).Status);
        Assert.InRange(Environment.TickCount64 - begun, least, most);
    }

    [Theory]
    [InlineData("state: /srv/state\n", "/srv/state")]
    [InlineData("# state: /no\nstate: \"/srv/quoted\"   # here\n", "/srv/quoted")]
    public void State_directory_is_that_of_the_configuration(string settings, string state)
    {
        // Nobody runs there, and the lock says so.
        string file = Bench.NewFile("imahost.yaml", settings);
        Outcome traced = Shell.Script($"IMAHOST_SETTINGS={file} sh -x {Script} end");
        Assert.Equal(0, traced.Status);
        Assert.Contains($"+ [ -e {state}/lock ]", traced.Errors, StringComparison.Ordinal);
    }

    static Outcome AfterStop(string variables) => Shell.Script($"{variables} {Script} after-stop");

    static bool IsMounted(string place) =>
        File.ReadAllText("/proc/self/mountinfo").Contains($" {place} ", StringComparison.Ordinal);
}
