using System.Text;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What the host says of itself stands in the list, in the order in which it happened.</summary>
public sealed class HostEventTests
{
    [Fact]
    public void Starts_policies_and_stops_are_in_the_list_each_time_they_happen()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string state = Bench.NewDirectory("state");
        string program = volume.AddProgram("program");
        for (int life = 1; life <= 2; life++)
        {
            using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}", state: state);
            Assert.Equal(0, Shell.Script(program).Status);
            string policy = Path.Combine(daemon.Fs, "policy");
            for (int i = 0; i < 2; i++)
            {
                // The same rules again are put in force again.
                string[] before = File.ReadAllLines(daemon.AsciiList);
                Shell.Must("sh", "-c", $"echo 'measure func=BPRM_CHECK' > {policy}");
                Shell.Until(
                    () => File.ReadAllLines(daemon.AsciiList).Length > before.Length, "the policy is in the list");
            }

            Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
            Assert.Equal(0, daemon.Stop());
        }

        string list = Shell.Must(Bench.Program, "list", "--state", state);
        const string start = "imahost-start", policies = "imahost-policy", stop = "imahost-stop", running = "imahost-running";
        string[] first = [start, policies, running, program, policies, policies, stop];
        string[] second = [start, policies, running, policies, policies, stop];
        Assert.Equal(["boot_aggregate", .. first, .. second], NamesIn(list));
        Outcome verified = Verifiers.ImaHost(Path.Combine(state, "current"), tpm.ReadPcrs(), "--exact");
        Assert.True(verified.Status == 0, verified.Output);
    }

    [Fact]
    public void Entries_tell_what_was_started_which_rules_hold_and_how_many_entries_there_were()
    {
        using var volume = new Volume();
        string policy = Bench.NewFile("rules", "# ours\nmeasure   func=BPRM_CHECK\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {policy} --appraise log");
        Assert.Equal(0, daemon.Stop());

        string[] lines = Lines(Shell.Must(Bench.Program, "list", "--state", daemon.State));
        string start = BufferOf(lines[1]);
        Assert.Contains("\nappraise=log\nhash=sha256\ntemplate=ima-sig\n", start, StringComparison.Ordinal);
        Assert.StartsWith("version=", start, StringComparison.Ordinal);
        Assert.Contains(volume.Path, start, StringComparison.Ordinal);
        Assert.Equal("measure func=BPRM_CHECK\n", BufferOf(lines[2]));
        Assert.Equal("files=0\nprocesses=0\n", BufferOf(lines[^2]));
        Assert.Equal($"entries={lines.Length - 1}\norder=signal\n", BufferOf(lines[^1]));
    }

    [Fact]
    public void Host_that_replaces_a_killed_one_adds_no_start()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        daemon.KillHost();
        string program = volume.AddProgram("program");
        Assert.Equal(0, Shell.Script(program).Status);

        string[] names = NamesIn(File.ReadAllText(daemon.AsciiList));
        Assert.Equal(["boot_aggregate", "imahost-start", "imahost-policy", "imahost-running", program], names);
    }

    /// <summary>But for the files that the host is made of: they lie elsewhere.</summary>
    static string[] NamesIn(string list) =>
    [
        .. Lines(list).Select(line => line.Split(' ')[4])
            .Where(name => !name.StartsWith('/') || name.StartsWith(Bench.Root, StringComparison.Ordinal)),
    ];

    static string[] Lines(string list) => list.TrimEnd('\n').Split('\n');

    /// <summary>The buffer of an entry, which is a text.</summary>
    internal static string BufferOf(string line) => Encoding.UTF8.GetString(Convert.FromHexString(line.Split(' ')[5]));
}
