using System.Globalization;
using System.Text;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Who can get in the way of a load, and how loads get in each other's way.</summary>
public sealed class LoadingTests
{
    const string Exec = "measure func=BPRM_CHECK\n";

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

    [Theory]
    [InlineData("critical_data")]
    [InlineData("exec")]
    [InlineData("DIRECTORY")]
    public void Where_signatures_are_wanted_no_built_in_policy_takes_the_place_of_what_is_signed(string entry)
    {
        string place = Bench.NewDirectory("signed");
        string rules = Path.Combine(place, "rules.ima");
        File.WriteAllText(rules, Exec);
        Outcome made = Shell.Script(
            $"cd {place} && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=test 2>/dev/null"
            + " && openssl dgst -sha256 -sign key.pem -out rules.ima.sig rules.ima");
        Assert.True(made.Status == 0, made.Errors);
        string configuration = Bench.NewFile("imahost.yaml", $"policy: [{rules}]\npolicy_keys: [{place}/cert.pem]\n");
        using var bench = new PolicyBench($"--config {configuration}");

        Outcome refused = Load(bench, entry == "DIRECTORY" ? Bench.NewDirectory("empty") : entry);
        Assert.Equal(1, refused.Status);
        Assert.Contains("signed policy files are required", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(Exec, bench.InForce);

        Assert.Equal(0, Load(bench, rules).Status);
        Assert.Equal(0, Load(bench).Status);
        Assert.Equal(Exec, bench.InForce);
    }

    [Fact]
    public void Load_that_takes_long_does_not_undo_one_that_began_later()
    {
        var text = new StringBuilder();
        for (int uid = 1; uid <= 25_000; uid++)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"measure func=FILE_CHECK uid={uid}\n");
        }

        string many = Bench.NewFile("many.ima", text.ToString());
        string one = Bench.NewFile("one.ima", Exec);
        using var bench = new PolicyBench($"--policy {many}");
        Shell.Signal("HUP", bench.Daemon.GuardPid);
        Thread.Sleep(200);
        Assert.Equal(0, Load(bench, one).Status);

        Shell.Until(
            () => bench.Loads.Length > 2 || bench.Daemon.Log.Contains("began later", StringComparison.Ordinal), "both have ended");
        Assert.Equal(Exec, bench.InForce);
    }

    [Fact]
    public void Policy_that_no_start_succeeded_with_is_not_the_last_good_one()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        tpm.Extend(11, "sha256=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        string state = Bench.NewDirectory("state");
        string rules = Bench.NewFile("rules.ima", Exec);
        string options = $"--tpm {tpm.Transport} --policy {rules}";
        using (Daemon first = Daemon.Ready(volume.Path, options, state: state))
        {
            Assert.Equal(0, first.Stop());
        }

        File.WriteAllText(rules, "measure func=MMAP_CHECK pcr=11\n");
        using (var refused = new Daemon(volume.Path, options, state: state))
        {
            Assert.Equal(2, refused.AwaitFailure());
        }

        File.WriteAllText(rules, "measur\n");
        using Daemon daemon = Daemon.Ready(volume.Path, options, state: state);
        Assert.Equal(Exec, File.ReadAllText(daemon.PolicyFile));
    }

    /// <summary>The C library gives up on an entry of a user that is longer than it has room for.</summary>
    [Fact]
    public void User_who_cannot_be_looked_up_is_a_rule_that_is_not_understood()
    {
        string rules = Bench.NewFile("rules.yaml", "version: 1\nrules:\n  - action: measure\n    uid: large\n");
        using var volume = new Volume();
        string state = Bench.NewDirectory("state");
        Outcome outcome = Shell.Script(
            $"(printf 'large:x:9:9:'; head -c 20000000 /dev/zero | tr '\\0' x; echo ':/:/bin/sh') > {state}/passwd\n"
            + $"unshare --mount sh -c 'mount --bind {state}/passwd /etc/passwd && {Bench.Program} policy check {rules}'");
        Assert.Equal(1, outcome.Status);
        Assert.StartsWith($"imahost: {rules}:4:10: uid: find user \"large\": ", outcome.Errors, StringComparison.Ordinal);
    }

    static Outcome Load(PolicyBench bench, params string[] entries) =>
        Shell.Run(Bench.Program, ["policy", "load", "--state", bench.Daemon.State, .. entries]);
}
