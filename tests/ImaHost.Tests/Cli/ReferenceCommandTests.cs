using System.Diagnostics;
using System.Text.Json;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Cli;

public sealed class ReferenceCommandTests : IDisposable
{
    readonly ReferenceFixture _lists = new();
    readonly string _configuration;

    public ReferenceCommandTests()
    {
        _configuration = Path.Combine(_lists.Root, "imahost.yaml");
        File.WriteAllText(_configuration, $"reference: [{_lists.Lists}]\n");
    }

    public void Dispose() => _lists.Dispose();

    [Fact]
    public void Update_builds_the_index_and_tells_of_refused_lists()
    {
        _ = _lists.Write("a.sha256", $"{Hex(1)}  /a\n");
        (int status, JsonElement result) = Run("update");
        Assert.Equal(0, status);
        Assert.Equal((1, 1), (result.GetProperty("lists").GetInt32(), result.GetProperty("digests").GetInt32()));
        Assert.Equal(JsonValueKind.Null, result.GetProperty("host").ValueKind);

        string bad = _lists.Write("b.sha256", "?\n");
        (status, result) = Run("update");
        Assert.Equal(1, status);
        Assert.StartsWith($"{bad}:1: ", Assert.Single(result.GetProperty("warnings").EnumerateArray()).GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void List_shows_what_is_in_force_and_what_is_not()
    {
        _ = _lists.Write("a.yaml", $"version: 1\nexpires: 2020-01-01\ndigests: [{{sha256: {Hex(1)}}}]\n");
        _ = _lists.Write("b.sha256", "?\n");
        _ = _lists.WritePackage("bash", 1, 2);
        _ = Run("update");
        (int status, JsonElement lists) = Run("list");
        Assert.Equal(0, status);
        Assert.Equal([false, false, true], lists.EnumerateArray().Select(list => list.GetProperty("in_force").GetBoolean()));
        Assert.Equal(["reference", "reference", "package"], lists.EnumerateArray().Select(list => list.GetProperty("kind").GetString()));
        Assert.Equal("2020-01-01 23:59:59Z", lists[0].GetProperty("not_after").GetString());
        Assert.Equal("bash 1.0-1 (amd64, dpkg)", lists[2].GetProperty("package").GetString());
        Assert.Equal(2, lists[2].GetProperty("digests").GetInt32());
    }

    [Fact]
    public void Check_says_what_is_wrong_and_where()
    {
        string good = _lists.Write("a.sha256", $"{Hex(1)}  /a\n");
        Assert.Equal(0, Run("check", good).Status);
        string bad = _lists.Write("b.json", "{}");
        (int status, JsonElement lists) = Run("check", good, bad, "/nowhere.yaml", "/etc/hostname");
        Assert.Equal(1, status);
        Assert.Equal(JsonValueKind.Null, lists[0].GetProperty("error").ValueKind);
        Assert.StartsWith($"{bad}:1:2: ", lists[1].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("/nowhere.yaml: No such file or directory (ENOENT)", lists[2].GetProperty("error").GetString());
        Assert.StartsWith("/etc/hostname: is no list by its name", lists[3].GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Find_says_who_vouches_for_a_file_and_why_others_do_not()
    {
        string file = Path.Combine(_lists.Root, "program");
        File.WriteAllBytes(file, BitConverter.GetBytes(1));
        _ = _lists.WritePackage("bash", 1);
        _ = _lists.Write("a.yaml", $"version: 1\nexpires: 2020-01-01\ndigests: [{{sha256: {Hex(1)}}}]\n");
        _ = _lists.Write("b.yaml", $"version: 1\ndigests: [{{sha256: {Hex(1)}, path: /elsewhere}}]\n");
        _ = _lists.Write("c.sha256", $"{Hex(2)}  {file}\n");
        _ = Run("update");
        (int status, JsonElement found) = Run("find", file);
        Assert.Equal(0, status);
        Assert.Equal(
            ["expired on 2020-01-01 23:59:59Z", "for another path only", null, "the file has another digest"],
            found.EnumerateArray().Select(one => one.GetProperty("why_not").GetString()));
        Assert.Equal("bash 1.0-1 (amd64, dpkg)", found[2].GetProperty("package").GetString());

        File.AppendAllText(file, "altered");
        (status, found) = Run("find", file);
        Assert.Equal(1, status);
        Assert.EndsWith("c.sha256", Assert.Single(found.EnumerateArray()).GetProperty("file").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Find_takes_digests_in_every_form()
    {
        _ = _lists.Write("a.yaml", $"version: 1\ndigests: [{{sha256: {Hex(1)}}}, {{verity: sha256:{Hex(2)}}}]\n");
        _ = Run("update");
        Assert.Equal(0, Run("find", Hex(1)).Status);
        Assert.Equal(0, Run("find", $"sha256:{Hex(1)}").Status);
        Assert.Equal(0, Run("find", $"verity:sha256:{Hex(2)}").Status);
        Assert.Equal(1, Run("find", $"sha256:{Hex(2)}").Status);
        Assert.Equal(1, Run("find", $"verity:sha256:{Hex(1)}").Status);
    }

    /// <summary>As a process of its own: what others print meanwhile is none of its output.</summary>
    (int Status, JsonElement Output) Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "imahost"),
            ["reference", command, .. arguments, "--json", "--config", _configuration, "--state", _lists.Settings.State])
        {
            RedirectStandardOutput = true,
        })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, JsonDocument.Parse(output).RootElement);
    }
}
