using System.Globalization;
using System.Text;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>The directory of the list behaves as securityfs does, whatever becomes of the host.</summary>
public sealed class PublishingTests
{
    [Fact]
    public void Files_have_the_names_modes_and_owners_of_the_kernel()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");

        string files = Shell.Must("sh", "-c", $"cd {daemon.Fs} && stat -c '%a %u %g %F %n' * | sed 's/ empty / /'");

        // Without a TPM there are no banks: SHA-1's twins stand alone.
        Assert.Equal(
            "660 0 0 regular file ascii_runtime_measurements\n660 0 0 regular file ascii_runtime_measurements_sha1\n"
            + "660 0 0 regular file ascii_runtime_measurements_sha1_staged\n"
            + "660 0 0 regular file ascii_runtime_measurements_staged\n"
            + "660 0 0 regular file binary_runtime_measurements\n660 0 0 regular file binary_runtime_measurements_sha1\n"
            + "660 0 0 regular file binary_runtime_measurements_sha1_staged\n"
            + "660 0 0 regular file binary_runtime_measurements_staged\n"
            + "600 0 0 regular file policy\n440 0 0 regular file runtime_measurements_count\n"
            + "440 0 0 regular file violations\n",
            files);
    }

    [Fact]
    public void Counters_are_decimal_lines()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Shell.Script(volume.AddProgram("program"));

        int entries = File.ReadAllLines(daemon.AsciiList).Length;
        Assert.True(entries > 5, "boot_aggregate, imahost-start, imahost-policy, the host's own, imahost-running, the program");
        Assert.Equal($"{entries}\n", File.ReadAllText(Path.Combine(daemon.Fs, "runtime_measurements_count")));
        Assert.Equal("0\n", File.ReadAllText(Path.Combine(daemon.Fs, "violations")));
    }

    [Fact]
    public void Lists_are_closed_to_others_and_to_writers()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");

        Outcome other = Shell.Run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", daemon.AsciiList);
        Assert.Contains("Permission denied", other.Errors, StringComparison.Ordinal);
        Outcome writer = Shell.Run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", $"echo 1 > {daemon.AsciiList}");
        Assert.Contains("Permission denied", writer.Errors, StringComparison.Ordinal);
        Assert.Contains("I/O error", Shell.Script($"echo x > {daemon.AsciiList}").Errors, StringComparison.Ordinal);
        Assert.Contains("Operation not permitted", Shell.Script($"rm {daemon.AsciiList}").Errors, StringComparison.Ordinal);
        Assert.Contains("Operation not permitted", Shell.Script($"mkdir {daemon.Fs}/x").Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Old_handle_sees_growth_and_what_it_read_never_changes()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        using FileStream handle = File.OpenRead(daemon.AsciiList);
        var seen = new StringBuilder();
        for (int i = 0; i < 30; i++)
        {
            string program = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"program{i}"));
            Shell.Script(program);
            if (i % 10 == 5)
            {
                daemon.KillHost();
            }

            byte[] buffer = new byte[64];
            for (int got; (got = handle.Read(buffer)) > 0;)
            {
                seen.Append(Encoding.UTF8.GetString(buffer, 0, got));
            }

            Assert.EndsWith($" {program} \n", seen.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal(File.ReadAllText(daemon.AsciiList), seen.ToString());
        Assert.Equal(new FileInfo(daemon.AsciiList).Length, seen.Length);
    }

    [Fact]
    public void Readers_never_notice_that_hosts_die()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        for (int i = 0; i < 20; i++)
        {
            Shell.Script(volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"program{i}")));
        }

        string expected = File.ReadAllText(daemon.AsciiList);
        using Running reader = Shell.StartScript(
            $"for i in $(seq 400); do cat {daemon.AsciiList} || exit 1; done | md5sum");

        // Some die while they start, which makes the guard wait longer before the next one; others while they serve.
        for (int kill = 0; kill < 60 && !reader.HasExited; kill++)
        {
            daemon.KillHost();
            Shell.Until(() => daemon.HostPid != 0, "another host");
            Thread.Sleep(15 + (kill % 4 * 50));
        }

        byte[] all = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(expected, 400)));
        string md5 = Convert.ToHexStringLower(System.Security.Cryptography.CryptographicOperations.HashData(
            System.Security.Cryptography.HashAlgorithmName.MD5, all));
        Assert.Equal($"{md5}  -\n", reader.Wait().Output);
    }

    [Fact]
    public void Binary_list_is_what_the_command_shows()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Shell.Script(volume.AddProgram("program"));

        string ascii = File.ReadAllText(daemon.AsciiList);
        Assert.Equal(ascii, Shell.Must(Bench.Program, "list", daemon.Fs));
        Assert.Equal(ascii, Shell.Must(Bench.Program, "list", daemon.BinaryList));
        daemon.Stop();
        string stopped = Shell.Must(Bench.Program, "list", "--state", daemon.State);
        Assert.StartsWith(ascii, stopped, StringComparison.Ordinal);
        Assert.Contains(" imahost-stop ", Assert.Single(stopped[ascii.Length..].TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public void List_follows()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string shown = Path.Combine(daemon.State, "shown");
        using Running follower = Shell.StartScript($"exec {Bench.Program} list -f --json {daemon.Fs} > {shown}");
        Shell.Until(() => File.Exists(shown) && File.ReadAllText(shown).Contains("boot_aggregate", StringComparison.Ordinal), "the first entry");

        string program = volume.AddProgram("program");
        Shell.Script(program);

        Shell.Until(() => File.ReadAllText(shown).Contains(program, StringComparison.Ordinal), "the new entry");
        Shell.Signal("KILL", follower.Pid);
        follower.Wait();
    }

    [Fact]
    public void Mount_of_a_killed_guard_is_cleared_at_the_next_start()
    {
        using var volume = new Volume();
        string state = Bench.NewDirectory("state");
        string program = volume.AddProgram("program");
        using (Daemon killed = Daemon.Ready(volume.Path, "", state: state))
        {
            Shell.Script(program);
            Shell.Signal("KILL", killed.GuardPid);
            Shell.Until(() => Shell.Run("ls", killed.Fs).Errors.Contains("not connected", StringComparison.Ordinal), "the mount is dead");

            using Daemon next = Daemon.Ready(volume.Path, "", state: state);
            Assert.Single(next.Entries(program));
            Shell.Script(program);
            Assert.Single(next.Entries(program));
            Assert.Single(File.ReadAllText("/proc/mounts").Split('\n'), line => line.Contains(next.Fs, StringComparison.Ordinal));
            Assert.Equal(0, next.Stop());
        }
    }

    [Fact]
    public void Policy_file_takes_rules_at_once_and_survives_the_host()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string policy = Path.Combine(daemon.Fs, "policy");
        string program = volume.AddProgram("program");
        Shell.Script(program);

        Assert.Equal(0, Shell.Script($"printf 'dont_measure fowner=0\\nmeasure func=BPRM_CHECK\\n' > {policy}").Status);
        Shell.Until(() => File.ReadAllText(policy) == "dont_measure fowner=0\nmeasure func=BPRM_CHECK\n", "the rules are in force");
        Volume.Change(program);
        Shell.Script(program);
        Assert.Single(daemon.Entries(program));

        daemon.KillHost();
        Assert.Equal("dont_measure fowner=0\nmeasure func=BPRM_CHECK\n", File.ReadAllText(policy));
    }

    [Fact]
    public void Policy_file_refuses_bad_rules_half_a_rule_and_a_second_writer()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string policy = Path.Combine(daemon.Fs, "policy");
        string before = File.ReadAllText(policy);

        Assert.Contains("Invalid argument", Shell.Script($"/bin/echo 'dnt_measure fowner=0' > {policy}").Errors, StringComparison.Ordinal);
        const string unfinished =
            "import os,sys; f=os.open(sys.argv[1],os.O_WRONLY); os.write(f,b'measure fun'); os.write(f,b'c=BPRM'); os.close(f)";
        Assert.Contains("Invalid argument", Shell.Run("python3", "-c", unfinished, policy).Errors, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(policy));
        Shell.Until(
            () => daemon.Log.Contains("the old policy stays: policy file:1:1: \"dnt_measure\" is neither an action", StringComparison.Ordinal),
            "the refusal is logged");
        using (FileStream writer = File.OpenWrite(policy))
        {
            Assert.Contains("busy", Shell.Script($"echo 'measure' > {policy}").Errors, StringComparison.OrdinalIgnoreCase);
        }

        Assert.Equal(0, Shell.Script($": > {policy}").Status);
        Assert.Equal(before, File.ReadAllText(policy));
    }

    [Fact]
    public void Policy_change_drops_verdicts_held_in_the_kernel()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string policy = Path.Combine(daemon.Fs, "policy");
        string program = volume.AddProgram("program");
        Shell.Must("sh", "-c", $"echo 'measure func=BPRM_CHECK' > {policy}");
        Shell.Until(() => File.ReadAllText(policy) == "measure func=BPRM_CHECK\n", "the rules are in force");
        Assert.Equal(0, Shell.Script(program).Status);

        Shell.Must("sh", "-c", $"echo 'appraise func=BPRM_CHECK' > {policy}");
        Shell.Until(() => File.ReadAllText(policy) == "appraise func=BPRM_CHECK\n", "the rules are in force");

        Assert.Equal(126, Shell.Script(program).Status);
    }
}
