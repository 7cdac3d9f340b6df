using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>`imahost why` and `imahost status --would-deny`, beside a running host and after it.</summary>
public sealed class WhyTests
{
    const int CannotExecute = 126;
    const string Signature = "0x030204a4010f57000411223344";

    [Fact]
    public void Tampered_program_is_told_with_what_changed_and_the_command_that_allows_it()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("it's a program");
        Shell.Must(Bench.Program, "label", program);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Assert.Equal(0, Shell.Script($"\"{program}\"").Status);
        Outcome before = Why(daemon, 0, program);
        Assert.Contains($"{program}: allowed\n", before.Output, StringComparison.Ordinal);
        Assert.Contains("  vouched by ima-hash\n", before.Output, StringComparison.Ordinal);
        string digest = Shell.Must("sha256sum", program)[..64];
        Shell.Must("sh", "-c", $"echo changed >> \"{program}\"");
        Assert.Equal(CannotExecute, Shell.Script($"\"{program}\"").Status);

        Outcome why = Why(daemon, 1, program);

        string[] facts =
        [
            $"{program}: denied\n", "  rule       built-in exec: appraise func=BPRM_CHECK, at BPRM_CHECK\n", "  cause      invalid-hash\n",
            $"  label      security.ima: hash sha256:{digest}\n", $" UTC: it was sha256:{digest}\n", " denied hook=BPRM_CHECK ",
            "  list       none names its path or holds its digest\n",
        ];
        Assert.All(facts, fact => Assert.Contains(fact, why.Output, StringComparison.Ordinal));
        Assert.Contains("\n  to allow   imahost label '", why.Output, StringComparison.Ordinal);
        string command = Assert.Single(Report(daemon, 1, program).GetProperty("remedies").EnumerateArray()).GetProperty("command").GetString()!;
        Assert.Equal($"imahost label '{volume["it'\\''s a program"]}'", command);
        Assert.Equal(0, Shell.Script(command.Replace("imahost ", Bench.Program + " ", StringComparison.Ordinal)).Status);
        Assert.Equal(0, Shell.Script($"\"{program}\"").Status);
        Why(daemon, 0, program);
    }

    [Fact]
    public void Signature_that_no_key_verifies_is_told_with_its_key_id()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must("setfattr", "-n", "security.ima", "-v", Signature, program);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Assert.Equal(CannotExecute, Shell.Script(program).Status);

        Outcome why = Why(daemon, 1, program);

        Assert.Contains("  cause      invalid-signature\n", why.Output, StringComparison.Ordinal);
        Assert.Contains("  label      security.ima: signature by key a4010f57, verified: unknown key\n", why.Output, StringComparison.Ordinal);
        Assert.Contains(" has the id a4010f57\n", why.Output, StringComparison.Ordinal);
        Shell.Until(() => daemon.Log.Contains(" key=a4010f57 ", StringComparison.Ordinal), "the log names the key");
    }

    [Fact]
    public void Rule_that_only_logs_is_told_as_what_enforce_would_deny()
    {
        using var volume = new Volume("ext4");
        string policy = Bench.NewFile("50-site.yaml", "version: 1\nrules:\n  - action: appraise\n    func: BPRM_CHECK\n    mode: log\n");
        string program = volume.AddProgram("program");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --appraise enforce --policy {policy}");
        Assert.Equal(0, Shell.Script(program).Status);

        Outcome why = Why(daemon, 0, program);

        Assert.Contains($"{program}: let through by mode log; enforce would deny it\n", why.Output, StringComparison.Ordinal);
        Assert.Contains($"  rule       {policy}:3: ", why.Output, StringComparison.Ordinal);
        Assert.Contains(" would deny hook=BPRM_CHECK ", why.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_is_told_by_what_it_was_denied_and_by_what_it_runs()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string sleeper = volume["sleeper"];
        Shell.Must("sh", "-c", $"cp /bin/sleep {sleeper}");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise log");
        string gone = Shell.Script($"echo $$; exec {program}").Output.Split('\n')[0];
        using Running running = Shell.StartScript($"exec {sleeper} 30");
        Shell.Until(() => Directory.ResolveLinkTarget($"/proc/{running.Pid}/exe", false)?.FullName == sleeper, "it runs");

        Outcome ended = Why(daemon, 0, gone);
        Outcome runs = Why(daemon, 0, $"pid:{running.Pid}");

        Shell.Run("kill", $"{running.Pid}");
        Assert.Contains($"process {gone} has ended\n", ended.Output, StringComparison.Ordinal);
        Assert.Contains($"pid={gone} ", ended.Output, StringComparison.Ordinal);
        Assert.Contains($"{program}: let through by mode log", ended.Output, StringComparison.Ordinal);
        Assert.Contains($"process {running.Pid} runs {sleeper}\n", runs.Output, StringComparison.Ordinal);
        Assert.Contains($"{sleeper}: let through by mode log", runs.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Entry_of_the_list_is_told_by_its_number()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("a program");
        string digest = Shell.Must("sha256sum", program)[..64];
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Assert.Equal(CannotExecute, Shell.Script($"\"{program}\"").Status);
        string[] entries = File.ReadAllLines(daemon.AsciiList);
        int number = Array.FindIndex(entries, line => line.Contains("/a_program ", StringComparison.Ordinal));

        Outcome why = Why(daemon, 1, $"entry:{number}");

        Assert.Contains($"entry {number} is {program}, sha256:{digest}\n", why.Output, StringComparison.Ordinal);
        Assert.Contains($"{program}: denied\n", why.Output, StringComparison.Ordinal);
        Refuses(daemon.State, "entry:999999", "has no entry 999999: it has 0 to ");
        Refuses(daemon.State, "entry:0", "entry 0 is \"boot_aggregate\", which is no file");
    }

    [Fact]
    public void Storm_of_denials_is_counted_and_another_host_knows_of_them()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string other = volume.AddProgram("other");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Assert.Equal(CannotExecute, Shell.Script(other).Status);
        Shell.Script($"for i in $(seq 400); do {program}; done 2>/dev/null");
        JsonElement before = Report(daemon, 1, program, "--last", "1000");
        daemon.KillHost();
        Shell.Until(() => daemon.Log.Contains("took over", StringComparison.Ordinal), "another host");
        Assert.Equal(CannotExecute, Shell.Script(program).Status);

        JsonElement after = Report(daemon, 1, program, "--last", "1000");

        Assert.Equal(400, CountOf(before, "BPRM_CHECK"));
        Assert.Equal(401, CountOf(after, "BPRM_CHECK"));
        Assert.InRange(before.GetProperty("decisions").GetArrayLength(), 1, 8);
        Assert.Equal(1, CountOf(Report(daemon, 1, other, "--last", "1000"), "BPRM_CHECK"));
    }

    [Fact]
    public void Stopped_host_leaves_what_it_knew()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Assert.Equal(CannotExecute, Shell.Script(program).Status);
        Assert.Equal(0, daemon.Stop());
        string config = Bench.NewFile("imahost.yaml", $"appraise: enforce\nwatch: [{volume.Path}]\n");

        Outcome why = Shell.Run(Bench.Program, "why", "--state", daemon.State, "--config", config, program);

        Assert.Equal(1, why.Status);
        Assert.Contains("  cause      missing-hash\n", why.Output, StringComparison.Ordinal);
        Assert.Contains(" denied hook=BPRM_CHECK ", why.Output, StringComparison.Ordinal);
        Assert.Contains("  note       no host runs: ", why.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Full_disk_holds_nobody_and_what_is_lost_is_counted()
    {
        using var volume = new Volume("ext4");
        using var disk = new Volume();
        Shell.Must("mount", "-o", "remount,size=1m", disk.Path);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce", state: disk.Path);
        string[] programs = [.. Enumerable.Range(0, 40).Select(number => volume.AddProgram($"program{number}"))];
        Shell.Script($"cat /dev/zero > {disk["filling"]}");

        Assert.All(programs, program => Assert.Equal(CannotExecute, Shell.Script(program, seconds: 5).Status));

        Shell.Until(() => Dropped(daemon) > 0, "decisions are lost");
        Assert.Contains("decisions are not recorded", daemon.Log, StringComparison.Ordinal);
        Assert.Contains("are not in the record", Shell.Must(Bench.Program, "status", "--state", daemon.State), StringComparison.Ordinal);
        File.Delete(disk["filling"]);
        Outcome late = Shell.Script(volume.AddProgram("late"));
        Assert.Equal(CannotExecute, late.Status);
        Outcome why = Why(daemon, 1, volume["late"]);
        Assert.Contains(" denied hook=BPRM_CHECK ", why.Output, StringComparison.Ordinal);
        Assert.Contains("decisions are not in the record: its disk was full or too slow", why.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Would_deny_shows_a_rollout_by_directory()
    {
        using var volume = new Volume("ext4");
        Directory.CreateDirectory(volume["bin"]);
        string bare = volume.AddProgram("bin/bare");
        string labelled = volume.AddProgram("bin/labelled");
        string later = volume.AddProgram("later");
        Shell.Must(Bench.Program, "label", labelled);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise log");
        Shell.Script($"{bare}; {bare}; {labelled}; {later}");

        string text = Shell.Must(Bench.Program, "status", "--would-deny", "--state", daemon.State);
        Assert.Contains($"{volume["bin"]}: 1 file, ", text, StringComparison.Ordinal);
        Assert.Contains("  bare: missing-hash, ", text, StringComparison.Ordinal);
        Assert.Contains("enforce would deny 2 files in 2 directories (", text, StringComparison.Ordinal);

        Shell.Must(Bench.Program, "label", later);
        Assert.Equal(0, Shell.Script(later).Status);
        JsonElement json = JsonDocument.Parse(Shell.Must(Bench.Program, "status", "--would-deny", "--json", "--state", daemon.State)).RootElement;
        Assert.Equal(1, json.GetProperty("files").GetInt32());
        JsonElement file = json.GetProperty("directories")[0].GetProperty("files")[0];
        Assert.Equal((bare, "missing-hash"), (file.GetProperty("path").GetString(), file.GetProperty("cause").GetString()));
    }

    [Fact]
    public void Question_that_cannot_be_answered_says_why()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Refuses(Path.Combine(daemon.State, "nowhere"), "/x", "there is no state directory ");
        Refuses(daemon.State, "pid:4194304", "there is no process 4194304, and no decision about one is in the record");
        Refuses(daemon.State, "--last", "--last");
        Outcome missing = Shell.Run(Bench.Program, "why", "--state", daemon.State, volume["missing"]);
        Assert.Equal((2, $"{volume["missing"]}: open {volume["missing"]}: No such file or directory (ENOENT)"), (missing.Status, missing.Output.Split('\n')[0]));
        string unprivileged = $"setpriv --reuid=65534 --regid=65534 --clear-groups {Bench.Program} why --state {daemon.State} /bin/sh";
        Outcome refused = Shell.Script(unprivileged);
        Assert.Equal(2, refused.Status);
        Assert.Contains("may be asked by root alone", refused.Errors, StringComparison.Ordinal);
    }

    static Outcome Why(Daemon daemon, int status, params string[] arguments)
    {
        Outcome outcome = Shell.Run(Bench.Program, ["why", "--state", daemon.State, .. arguments]);
        Assert.True(outcome.Status == status, $"{outcome.Status}: {outcome.Errors}{outcome.Output}");
        return outcome;
    }

    static JsonElement Report(Daemon daemon, int status, params string[] arguments) =>
        JsonDocument.Parse(Why(daemon, status, [.. arguments, "--json"]).Output).RootElement[0];

    static void Refuses(string state, string what, string error)
    {
        Outcome outcome = Shell.Run(Bench.Program, "why", "--state", state, what);
        Assert.Equal(2, outcome.Status);
        Assert.Contains(error, outcome.Errors, StringComparison.Ordinal);
    }

    static long CountOf(JsonElement report, string hook) => report.GetProperty("decisions").EnumerateArray()
        .Where(decision => decision.GetProperty("hook").GetString() == hook)
        .Sum(decision => decision.GetProperty("count").GetInt64());

    static long Dropped(Daemon daemon) => daemon.Status().GetProperty("decisions").GetProperty("dropped").GetInt64();
}
