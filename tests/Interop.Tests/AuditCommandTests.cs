using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>`imahost audit` says of each file what a host that enforces does with it.</summary>
public sealed class AuditCommandTests
{
    const string Signature = "0x030204a4010f57000411223344";

    static readonly string[] Labels = ["label", "stale", "0x0411", "0x09aabb", Signature, "none"];

    [Fact]
    public void Audit_says_of_each_file_what_the_host_does()
    {
        using var volume = new Volume("ext4");
        Directory.CreateDirectory(volume["table"]);
        List<(string Path, string Use)> table = [.. Labels.SelectMany((label, number) => MakeRow(volume, label, number))];
        JsonElement[] audited = Audit(volume["table"], 1);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        JsonElement[] effective = Audit(volume["table"], 1, "--effective", "--state", daemon.State);

        foreach ((string path, string use) in table)
        {
            bool runs = Shell.Script(use).Status == 0;
            foreach (JsonElement[] answer in (JsonElement[][])[audited, effective])
            {
                string verdict = answer.Where(one => PathOf(one) == path).Select(Verdict).FirstOrDefault("not asked");
                Assert.True((verdict != "denied") == runs, $"{path}: the audit says {verdict}, \"{use}\" works: {runs}; {daemon.Log}");
            }
        }

        Assert.Equal(table.Count, audited[^1].GetProperty("files").GetInt32());
    }

    [Fact]
    public void Audit_tells_the_cause_the_host_tells()
    {
        using var volume = new Volume("ext4");
        Directory.CreateDirectory(volume["table"]);
        string[] programs = [.. Labels.SelectMany((label, number) => MakeRow(volume, label, number)).Select(row => row.Path)
            .Where(path => path.EndsWith(".program", StringComparison.Ordinal))];
        JsonElement[] audited = Audit(volume["table"], 1);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");

        foreach (string program in programs)
        {
            JsonElement entry = audited.Single(one => PathOf(one) == program);
            _ = Shell.Script(program);
            if (Verdict(entry) == "denied")
            {
                string said = $"denied \"{program}\" hook={entry.GetProperty("hook").GetString()} ";
                string cause = $" cause={entry.GetProperty("cause").GetString()} rule=\"{entry.GetProperty("rule").GetString()}\"";
                Shell.Until(
                    () => daemon.Log.Split('\n').Any(line =>
                        line.Contains(said, StringComparison.Ordinal) && line.Contains(cause, StringComparison.Ordinal)),
                    $"{said}{cause}; {daemon.Log}");
            }
        }

        Assert.Equal(3, audited[^1].GetProperty("causes").GetProperty("missing-hash").GetInt32());
    }

    [Fact]
    public void Audit_goes_by_the_rules_it_is_given()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string data = volume["data"];
        File.WriteAllText(data, "data");
        string rules = Bench.NewFile(
            "rules.yaml",
            $"version: 1\nrules:\n  - action: appraise\n    func: FILE_CHECK\n    path: {data}\n    mode: log\n");

        JsonElement[] answer = Audit(volume.Path, 0, "--policy", rules);

        Assert.Equal([(data, "logged")], answer[..^1].Select(one => (PathOf(one), Verdict(one))));
        Assert.Equal(1, answer[^1].GetProperty("logged").GetInt32());
        Assert.True(answer[^1].GetProperty("not_asked").GetInt32() >= 1);
        Assert.Equal(volume.Path, Assert.Single(answer[^1].GetProperty("directories").EnumerateObject()).Name);
        _ = program;
    }

    [Fact]
    public void Audit_lists_what_passes_unless_only_failures_are_wanted()
    {
        using var volume = new Volume("ext4");
        string good = volume.AddProgram("good");
        Shell.Must(Bench.Program, "label", good);
        Assert.Contains($"passes   \"{good}\" hook=BPRM_CHECK by=ima-hash\n", Shell.Must(Bench.Program, "audit", good), StringComparison.Ordinal);
        string bad = volume.AddProgram("bad");

        Outcome outcome = Shell.Run(Bench.Program, "audit", "--failed", volume.Path);

        Assert.Equal(1, outcome.Status);
        Assert.StartsWith($"denied   \"{bad}\" hook=BPRM_CHECK cause=missing-hash rule=\"built-in exec\": ", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(good, outcome.Output, StringComparison.Ordinal);
        Assert.Contains("\ncause      1 missing-hash\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains($"\ndirectory  1 {volume.Path}\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("\nvouching   1 ima-hash\n", outcome.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nowhere/at/all", "there is no such file")]
    [InlineData("/bin --policy exec --effective", "exclude each other")]
    [InlineData("/bin --jobs 0", "--jobs takes 1 to 256")]
    [InlineData("/bin --effective --state /nowhere", "no host answers")]
    public void Audit_that_cannot_be_done_says_why(string arguments, string why)
    {
        Outcome outcome = Shell.Run(Bench.Program, ["audit", .. arguments.Split(' ')]);

        Assert.Equal(2, outcome.Status);
        Assert.Contains(why, outcome.Errors, StringComparison.Ordinal);
    }

    /// <summary>Files that differ in their label and in how they are used, each with a command that uses it.</summary>
    static IEnumerable<(string Path, string Use)> MakeRow(Volume volume, string label, int number)
    {
        string program = volume.AddProgram($"table/{number}.program");
        yield return (Label(program, label), program);

        string library = volume.AddProgram($"table/{number}.library");
        Shell.Must("chmod", "644", library);
        yield return (Label(library, label), $"cat {library} > /dev/null");

        string script = volume[$"table/{number}.script"];
        File.WriteAllText(script, $"#!/bin/sh\ntrue {number}\n");
        Shell.Must("chmod", "755", script);
        yield return (Label(script, label), script);

        string data = volume[$"table/{number}.data"];
        File.WriteAllText(data, "data");
        yield return (Label(data, label), $"cat {data} > /dev/null");
    }

    static string Label(string path, string label)
    {
        switch (label)
        {
            case "none":
                break;
            case "label" or "stale":
                Shell.Must(Bench.Program, "label", path);
                Shell.Must("sh", "-c", label == "stale" ? $"echo '# changed' >> {path}" : "true");
                break;
            default:
                Shell.Must("setfattr", "-n", "security.ima", "-v", label, path);
                break;
        }

        return path;
    }

    static JsonElement[] Audit(string path, int status, params string[] options)
    {
        Outcome outcome = Shell.Run(Bench.Program, ["audit", "--json", .. options, path]);
        Assert.True(outcome.Status == status, outcome.Errors + outcome.Output);
        return [.. outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    static string PathOf(JsonElement entry) =>
        entry.TryGetProperty("path", out JsonElement path) ? path.GetString()! : "";

    static string Verdict(JsonElement entry) => entry.GetProperty("verdict").GetString()!;
}
