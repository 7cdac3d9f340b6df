using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary><c>imahost policy</c>, and other ways to have a running host load its policy.</summary>
public sealed class PolicyCommandTests
{
    const string Exec = "measure func=BPRM_CHECK\n";
    const string Maps = "measure func=MMAP_CHECK\n";
    const int No = 1;
    const int Usage = 2;

    [Fact]
    public void Check_says_how_many_rules_there_are_and_which_a_kernel_would_refuse()
    {
        string plain = Bench.NewFile("plain", Exec + Maps);
        string extended = Bench.NewFile("rules.yaml", "version: 1\nrules:\n  - {action: measure, exe: /bin/sh}\n  - {action: measure}\n");

        Outcome outcome = Policy("check", plain, extended);

        Assert.Equal(0, outcome.Status);
        Assert.Equal(
            $"{plain}: 2 rules\n{extended}: 2 rules, of which 1 would be refused by a kernel\n", outcome.Output);
        JsonElement json = Json(Policy("check", "--json", plain, extended));
        Assert.Equal(1, json[1].GetProperty("extended").GetInt32());
        Assert.Equal(JsonValueKind.Null, json[1].GetProperty("error").ValueKind);
    }

    [Theory]
    [InlineData("rules", "measure func=BPRM_CHECK\nmeasure func=BRPM_CHECK\n", ":2:9: \"BRPM_CHECK\" is not a hook; the nearest known one is \"BPRM_CHECK\"")]
    [InlineData("rules", "measure func=BPRM_CHECK fowner=root\n", ":1:25: \"root\" is not a decimal number")]
    [InlineData("rules", "meassure func=BPRM_CHECK\n", ":1:1: \"meassure\" is neither an action nor a condition; the nearest known one is \"measure\"")]
    [InlineData("rules", "appraise pcr=11\n", ":1:1: \"pcr\" belongs to the action measure")]
    [InlineData("rules.yaml", "version: 1\nrules:\n  - action: measure\n    fnc: BPRM_CHECK\n", ":4:5: unknown key \"fnc\"; the nearest known one is \"func\"")]
    [InlineData("rules.yaml", "version: 1\nrules:\n  - action: meassure\n", ":3:13: \"meassure\" is not an action; the nearest known one is \"measure\"")]
    [InlineData("rules.yaml", "version: 1\ninclude: [ima_tbc]\n", ":2:11: \"ima_tbc\" is not a built-in policy; the nearest known one is \"ima_tcb\"")]
    [InlineData("rules.yaml", "rules: []\n", ":1:1: no \"version: 1\"")]
    public void Check_shows_the_place_of_what_it_does_not_understand(string name, string text, string said)
    {
        string good = Bench.NewFile("good", Exec);
        string bad = Bench.NewFile(name, text);
        Outcome outcome = Policy("check", bad, good);

        Assert.Equal(No, outcome.Status);
        Assert.StartsWith($"imahost: {bad}{said}", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal($"{good}: 1 rules\n", outcome.Output);
        JsonElement json = Json(Policy("check", "--json", bad));
        Assert.StartsWith($"{bad}{said}", json[0].GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_that_cannot_be_are_a_usage_error()
    {
        Assert.Equal(Usage, Policy("check").Status);
        Assert.Equal(Usage, Policy("show", "--kernel", "--yaml", "tcb").Status);
        Assert.Equal(Usage, Policy("show", "--effective", "tcb").Status);
        Assert.Equal(Usage, Policy("explain").Status);
        Assert.Equal(Usage, Policy("explain", "--path", "/bin/sh", "--hook", "BRPM_CHECK").Status);
        Assert.Equal(Usage, Policy("explain", "--path", "/nowhere/at/all").Status);
        Assert.Equal(Usage, Policy("load", "--state", Bench.NewDirectory("state")).Status);
        Outcome near = Policy("explain", "--path", "/bin/sh", "--mask", "MAY_RED");
        Assert.Contains("the nearest known one is \"MAY_READ\"", near.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Show_gives_rules_that_can_be_read_again_in_either_language()
    {
        string rules = Bench.NewFile(
            "rules.yaml",
            "version: 1\ninclude: [tcb]\nrules:\n"
            + "  - {action: measure, func: FILE_CHECK, path: \"/srv/a b|c/**\", uid: nobody, reason: \"a | b \\\\ c\"}\n"
            + "  - {action: dont_measure, fowner: \">999\", container: \"*\"}\n");
        string kernel = Policy("show", rules).Output;
        string yaml = Policy("show", "--yaml", rules).Output;
        string fromKernel = Bench.NewFile("again", kernel);
        string fromYaml = Bench.NewFile("again.yaml", yaml);

        Assert.Equal(kernel, Policy("show", "--kernel", fromKernel).Output);
        Assert.Equal(kernel, Policy("show", fromYaml).Output);
        Assert.Equal(yaml, Policy("show", "--yaml", fromYaml).Output);
        Assert.StartsWith("dont_measure fsmagic=0x9fa0\n", kernel, StringComparison.Ordinal);
        JsonElement json = Json(Policy("show", "--json", rules));
        Assert.Equal("built-in tcb", json[0].GetProperty("origin").GetString());
        Assert.Equal($"{rules}:4", json[json.GetArrayLength() - 2].GetProperty("origin").GetString());
        Assert.True(json[json.GetArrayLength() - 1].GetProperty("extended").GetBoolean());
    }

    [Fact]
    public void Show_effective_is_what_the_running_host_has_in_force()
    {
        string configured = Bench.NewFile("rules", Exec);
        string config = Bench.NewFile("imahost.yaml", $"policy: [{configured}]\n");
        using var bench = new PolicyBench($"--config {config}");
        Assert.Equal(Exec, Policy("show", "--config", config).Output);
        Assert.Equal(Exec, Policy("show", "--effective", "--state", bench.Daemon.State).Output);

        bench.Put(Maps);

        Assert.Equal(Maps, Policy("show", "--effective", "--state", bench.Daemon.State).Output);
        Assert.Equal(Exec, Policy("show", "--config", config).Output);
        JsonElement json = Json(Policy("show", "--effective", "--json", "--state", bench.Daemon.State));
        Assert.Equal("policy file:1", Assert.Single(json.EnumerateArray()).GetProperty("origin").GetString());
    }

    [Fact]
    public void Load_puts_another_policy_in_force_or_leaves_the_old_one()
    {
        string configured = Bench.NewFile("rules", Exec);
        using var bench = new PolicyBench($"--policy {configured}");
        string state = bench.Daemon.State;
        string other = Bench.NewFile("other", Maps);
        string bad = Bench.NewFile("bad", "measure fnc=BPRM_CHECK\n");

        Assert.Equal("ok: 1 rules\n", Policy("load", other, "--state", state).Output);
        Assert.Equal(Maps, bench.InForce);
        Outcome refused = Policy("load", bad, "--state", state);
        Assert.Equal(No, refused.Status);
        Assert.Contains($"imahost: the old policy stays: {bad}:1:9: \"fnc\"", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(No, Policy("load", "/nowhere/at/all", "--state", state).Status);
        Assert.Equal(Maps, bench.InForce);

        // By itself: what is configured, as it is now.
        File.WriteAllText(configured, Exec + Maps);
        Assert.Equal(0, Policy("load", "--state", state).Status);
        Assert.Equal(Exec + Maps, bench.InForce);
        File.WriteAllText(configured, "measure fnc=BPRM_CHECK\n");
        Assert.Equal(No, Policy("load", "--state", state).Status);
        Assert.Equal(Exec + Maps, bench.InForce);
        Assert.Equal([Exec, Maps, Exec + Maps], bench.Loads);

        // Names of built-in policies are no files.
        Assert.Equal(0, Policy("load", "exec", "--state", state).Status);
        Assert.Equal(4, File.ReadAllLines(bench.File).Length);
    }

    [Fact]
    public void Loaded_policy_decides_the_very_next_access()
    {
        const int rounds = 10;
        using var bench = new PolicyBench();
        string reads = Bench.NewFile("reads", "measure func=FILE_CHECK mask=^MAY_READ\n");
        string programs = Bench.NewFile("programs", Exec);
        string[] files = [.. Enumerable.Range(0, rounds).Select(i => bench.AddData($"file{i}."))];
        Outcome done = Shell.Script(
            $"for f in {string.Join(' ', files)}; do {Bench.Program} policy load {programs} --state {bench.Daemon.State} && cat $f"
            + $" && {Bench.Program} policy load {reads} --state {bench.Daemon.State} && cat $f || exit 1; done");

        Assert.True(done.Status == 0, done.Errors);
        string[] late = [.. files.Where(file => !bench.IsMeasured(file))];
        Assert.True(late.Length == 0, $"not measured by the rule that was in force: {string.Join(' ', late)}");
    }

    [Fact]
    public void Signal_loads_what_is_configured_and_a_mistake_in_it_changes_nothing()
    {
        string configured = Bench.NewFile("rules", Exec);
        using var bench = new PolicyBench($"--policy {configured}");
        File.WriteAllText(configured, Maps);
        Shell.Signal("HUP", bench.Daemon.GuardPid);
        Shell.Until(() => bench.InForce == Maps, "the rules are in force");

        File.WriteAllText(configured, "measure fnc=BPRM_CHECK\n");
        Shell.Signal("HUP", bench.Daemon.GuardPid);
        Shell.Until(
            () => bench.Daemon.Log.Contains($"the old policy stays: {configured}:1:9: ", StringComparison.Ordinal), "it is said");
        Assert.Equal(Maps, bench.InForce);
    }

    [Fact]
    public void Directory_of_drop_ins_is_read_in_the_order_of_their_names()
    {
        string directory = Bench.NewDirectory("policy.d");
        File.WriteAllText(Path.Combine(directory, "50-b.ima"), Maps);
        File.WriteAllText(Path.Combine(directory, "10-a.yaml"), "version: 1\nrules:\n  - {action: measure, func: BPRM_CHECK}\n");
        using var bench = new PolicyBench($"--policy {directory}");
        Assert.Equal(Exec + Maps, bench.InForce);

        File.WriteAllText(Path.Combine(directory, "90-c.ima"), "dont_measure uid=7\n");
        Assert.Equal(0, Policy("load", "--state", bench.Daemon.State).Status);

        Assert.Equal($"{Exec}{Maps}dont_measure uid=7\n", bench.InForce);
    }

    /// <summary>What explain says of a table of accesses, and what becomes of them.</summary>
    [Fact]
    public void Explain_agrees_with_what_the_host_does()
    {
        using var bench = new PolicyBench(kind: "ext4");
        bench.Put("measure func=BPRM_CHECK uid=7\n");
        (string Hook, string Mask, string Command)[] accesses =
        [
            ("FILE_CHECK", "MAY_READ", "cat {0}"),
            ("FILE_CHECK", "MAY_WRITE", "/usr/bin/python3 -c \"import os; os.open('{0}', os.O_WRONLY)\""),
            ("FILE_CHECK", "MAY_READ|MAY_WRITE", "/usr/bin/python3 -c \"import os; os.open('{0}', os.O_RDWR)\""),
            ("BPRM_CHECK", "", "{0}"),
        ];
        (string Name, int Owner)[] kinds = [("plain", 0), ("deep/log", 0), ("owned", 65533)];
        var cases = new List<(string Path, int Uid, string Hook, string Mask, string Command)>();
        foreach ((string hook, string mask, string command) in accesses)
        {
            foreach ((string name, int owner) in kinds)
            {
                foreach (int uid in (int[])[0, 65533])
                {
                    string path = bench.AddData($"{name}-{hook[0]}{cases.Count}.");
                    Shell.Must("/bin/sh", "-c", $"printf '#!/bin/true\\n#{cases.Count}\\n' > {path}");
                    Shell.Must("chown", $"{owner}:{owner}", path);
                    Shell.Must("chmod", "777", path);
                    cases.Add((path, uid, hook, mask, command));
                }
            }
        }

        bench.Put(
            $"dont_measure imahost.path={bench.Volume.Path}/deep/** uid=65533\n"
            // Not of programs: their execve(2) raises an event of an open, too, which looks like a read.
            + "measure func=FILE_CHECK mask=MAY_READ uid=0 imahost.path=**/*-F*\n"
            + "measure func=FILE_CHECK mask=^MAY_WRITE fowner=65533\n"
            + "dont_measure func=BPRM_CHECK fowner=65533 euid=65533\n"
            + "measure func=BPRM_CHECK fowner>999\n"
            + "measure func=BPRM_CHECK imahost.path=**/log-*\n");
        foreach ((string path, int uid, _, _, string command) in cases)
        {
            string text = string.Format(System.Globalization.CultureInfo.InvariantCulture, command, path);
            Outcome done = Shell.Script($"{(uid == 0 ? "" : PolicyBench.AsUser)} {text}");
            Assert.True(done.Status == 0, done.Errors);
        }

        // Asked afterwards, because to ask is to read the file.
        bool[] measured = [.. cases.Select(one => bench.IsMeasured(one.Path))];
        bool[] expected = [.. cases.Select(one => IsMeasuredByExplain(bench.Daemon, one.Path, one.Uid, one.Hook, one.Mask))];
        string[] wrong = [.. cases.Where((_, i) => measured[i] != expected[i]).Select(one => one.ToString())];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
        Assert.InRange(measured.Count(one => one), 5, cases.Count - 5);
    }

    [Fact]
    public void Explain_names_the_rule_its_place_and_what_else_is_asked()
    {
        string rules = Bench.NewFile(
            "rules.yaml",
            "version: 1\nrules:\n  - {action: dont_measure, fowner: 65533}\n  - {action: measure, func: BPRM_CHECK}\n"
            + "  - {action: appraise, func: BPRM_CHECK, reason: because}\n");
        string config = Bench.NewFile("imahost.yaml", $"policy: [{rules}]\n");
        string program = Bench.NewFile("program", "text");

        Outcome outcome = Policy("explain", "--path", program, "--hook", "BPRM_CHECK", "--config", config);

        Assert.Equal(0, outcome.Status);
        Assert.Equal(
            $"{program} at BPRM_CHECK (MAY_EXEC)\n  measure  yes  {rules}:4: measure func=BPRM_CHECK\n"
            + $"  appraise yes  {rules}:5: appraise func=BPRM_CHECK imahost.reason=because\n"
            + "  audit    no   no rule matches\n  hash     no   no rule matches\n",
            outcome.Output);
        Shell.Must("chown", "65533", program);
        string owned = Policy("explain", "--path", program, "--config", config).Output;
        Assert.Contains($"at FILE_CHECK (MAY_READ)\n  measure  no   {rules}:3: dont_measure fowner=65533\n", owned, StringComparison.Ordinal);
    }

    static bool IsMeasuredByExplain(Daemon daemon, string path, int uid, string hook, string mask)
    {
        string[] masks = mask.Length > 0 ? ["--mask", mask] : [];
        JsonElement json = Json(Policy(
            ["explain", "--effective", "--json", "--path", path, "--uid", $"{uid}", "--hook", hook, .. masks, "--state", daemon.State]));
        return json[0].GetProperty("actions").EnumerateArray()
            .Single(one => one.GetProperty("class").GetString() == "measure").GetProperty("asked").GetBoolean();
    }

    static Outcome Policy(params string[] arguments) => Shell.Run(Bench.Program, ["policy", .. arguments]);

    static JsonElement Json(Outcome outcome) => JsonDocument.Parse(outcome.Output).RootElement;
}
