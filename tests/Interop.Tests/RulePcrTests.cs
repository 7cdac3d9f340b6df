using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>pcr= of a rule must name a PCR that nothing else extends, or the list would never replay.</summary>
public sealed class RulePcrTests
{
    const string Foreign = "sha256=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    [Fact]
    public void PCR_of_a_rule_that_something_else_extended_stops_the_start_with_rule_and_PCR()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        tpm.Extend(11, Foreign);
        string policy = Bench.NewFile("rules", "measure func=BPRM_CHECK\nmeasure func=MMAP_CHECK pcr=11\n");
        string state = Bench.NewDirectory("state");
        using (var refused = new Daemon(volume.Path, $"--tpm {tpm.Transport} --policy {policy}", state: state))
        {
            Assert.Equal(2, refused.AwaitFailure());
            Assert.Contains(
                $"{policy}:2: pcr=11 cannot be used: PCR 11 of {tpm.Transport} is extended by something else",
                refused.Log, StringComparison.Ordinal);
            Assert.DoesNotContain(refused.Fs, File.ReadAllText("/proc/mounts"), StringComparison.Ordinal);
        }

        // With a PCR that is free the same start succeeds.
        File.WriteAllText(policy, "measure func=BPRM_CHECK\nmeasure func=MMAP_CHECK pcr=12\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} --policy {policy}", state: state);
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void Policy_with_such_a_PCR_is_not_put_in_force_while_the_daemon_runs()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        string policy = Path.Combine(daemon.Fs, "policy");
        string before = File.ReadAllText(policy);
        string entries = File.ReadAllText(daemon.AsciiList);
        tpm.Extend(12, Foreign);

        Shell.Script($"printf 'measure func=BPRM_CHECK pcr=12\\n' > {policy}");
        const string said = "the old policy stays: policy file:1: pcr=12 cannot be used: PCR 12";
        Shell.Until(() => daemon.Log.Contains(said, StringComparison.Ordinal), "the refusal is logged");

        Assert.Equal(before, File.ReadAllText(policy));
        Assert.Equal(entries, File.ReadAllText(daemon.AsciiList));
        string program = volume.AddProgram("program");
        Shell.Script(program);
        Assert.StartsWith("10 ", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
        Assert.Equal(0, daemon.Status().GetProperty("faults").GetArrayLength());
    }

    [Fact]
    public void Rules_into_another_PCR_take_effect_when_they_are_written_and_after_a_restart()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        const string rule = "measure func=BPRM_CHECK pcr=12\n";
        string policy = Path.Combine(daemon.Fs, "policy");
        Shell.Must("sh", "-c", $"printf '{rule.Replace("\n", "\\n", StringComparison.Ordinal)}' > {policy}");
        Shell.Until(() => File.ReadAllText(policy) == rule, "the rule is in force");
        string program = volume.AddProgram("program");
        Shell.Script(program);
        Assert.StartsWith("12 ", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);

        // The list itself explains PCR 12 then.
        daemon.KillHost();
        string other = volume.AddProgram("other");
        Shell.Script(other);
        Assert.StartsWith("12 ", Assert.Single(daemon.Entries(other)), StringComparison.Ordinal);
        Assert.Equal(0, daemon.Stop());
        string configured = Bench.NewFile("rules", rule);
        using Daemon next = Daemon.Ready(
            volume.Path, $"--tpm {tpm.Transport} --policy {configured}", state: daemon.State);
        Outcome verified = Verifiers.ImaHost(next.BinaryList, tpm.ReadPcrs(), "--exact");
        Assert.True(verified.Status == 0, verified.Output);
        Assert.Contains("(PCR 10, 12)", verified.Output, StringComparison.Ordinal);
        Assert.Equal(0, tpm.Verify(next.BinaryList).Status);
    }
}
