using System.Text;

namespace ImaHost.InteropTests.Support;

/// <summary>A daemon whose policy is changed while it watches a volume.</summary>
public sealed class PolicyBench : IDisposable
{
    /// <summary>A user and a group that own nothing.</summary>
    public const int User = 65533;

    /// <summary>A command that runs another one as that user.</summary>
    public const string AsUser = "setpriv --reuid=65533 --regid=65533 --clear-groups";

    /// <param name="options">More of the daemon's command line.</param>
    /// <param name="kind">Of the volume.</param>
    public PolicyBench(string options = "", string kind = "tmpfs")
    {
        Volume = new Volume(kind);
        Daemon = Daemon.Ready(Volume.Path, $"--tpm none {options}");
    }

    public Volume Volume { get; }

    public Daemon Daemon { get; }

    public string File => Daemon.PolicyFile;

    public string InForce => System.IO.File.ReadAllText(File);

    /// <summary>What each policy that was put in force said, the first one's at the start.</summary>
    public string[] Loads =>
        [.. System.IO.File.ReadLines(Daemon.AsciiList).Select(line => line.Split(' '))
            .Where(columns => columns[4] == "imahost-policy")
            .Select(columns => Encoding.UTF8.GetString(Convert.FromHexString(columns[5])))];

    /// <summary>Puts rules in the place of those that are in force.</summary>
    public void Put(string rules) => Require(Shell.Feed(rules, "/bin/sh", "-c", $"cat > {File}"));

    /// <summary>Puts rules after those that are in force.</summary>
    public void Append(string rules) => Require(Shell.Feed(rules, "/bin/sh", "-c", $"cat >> {File}"));

    /// <summary>Writes what must be refused, and looks that nothing has changed.</summary>
    /// <param name="error">What the writer is told.</param>
    /// <param name="said">A part of what the log tells of it.</param>
    public void Refuses(string rules, string error, string said)
    {
        string before = InForce;
        int loads = Loads.Length;
        Outcome outcome = Shell.Feed(rules, "/bin/sh", "-c", $"cat > {File}");
        Assert.Contains(error, outcome.Errors, StringComparison.Ordinal);
        Shell.Until(() => Daemon.Log.Contains(said, StringComparison.Ordinal), $"\"{said}\" is logged; {Daemon.Log}");
        Assert.Equal(before, InForce);
        Assert.Equal(loads, Loads.Length);
    }

    /// <summary>A file with a text of its own.</summary>
    public string AddData(string name)
    {
        string path = Volume[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Shell.Must("/bin/sh", "-c", $"echo {name} {Guid.NewGuid()} > '{path}'");
        return path;
    }

    /// <summary>Is it in the list?</summary>
    public bool IsMeasured(string path) => Daemon.Entries(path).Any(line => line.TrimEnd().EndsWith($" {path}", StringComparison.Ordinal));

    public void Dispose()
    {
        Daemon.Dispose();
        Volume.Dispose();
    }

    static void Require(Outcome outcome) => Assert.True(outcome.Status == 0, outcome.Errors);
}
