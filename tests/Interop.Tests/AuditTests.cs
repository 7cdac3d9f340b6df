using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>The action audit: a line in the log for each content that is accessed.</summary>
public sealed class AuditTests
{
    const string Rules = "audit func=FILE_CHECK mask=MAY_READ\n";

    [Fact]
    public void Content_that_was_changed_through_a_mapping_is_another()
    {
        using var bench = new PolicyBench($"--policy {Bench.NewFile("rules", Rules)}");
        string file = bench.Volume["file"];
        string script = Bench.NewFile(
            "write.py",
            "import mmap, os, sys\n"
            + "open(sys.argv[1], 'wb').write(b'A' * 4096)\n"
            + "map = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 4096)\n"
            + "for letter in b'ABB':\n"
            + "    map[0] = letter\n"
            + "    os.close(os.open(sys.argv[1], os.O_RDONLY))\n");
        Shell.Must("python3", script, file);

        Shell.Until(() => Audited(bench, file) >= 2, $"both are audited; {bench.Daemon.Log}");
        Assert.Equal(2, Audited(bench, file));
    }

    [Fact]
    public void Content_that_was_told_of_is_not_told_again_when_the_file_gets_another_mode()
    {
        using var bench = new PolicyBench($"--policy {Bench.NewFile("rules", Rules)}");
        string file = bench.AddData("file");
        string last = bench.AddData("last");
        Shell.Must("sh", "-c", $"cat {file}; chmod 600 {file}; cat {file}; cat {last}");

        Shell.Until(() => Audited(bench, last) == 1, $"the last one is audited; {bench.Daemon.Log}");
        Assert.Equal(1, Audited(bench, file));
    }

    static int Audited(PolicyBench bench, string file) =>
        bench.Daemon.Log.Split('\n').Count(line => line.Contains($" audit file=\"{file}\" ", StringComparison.Ordinal));
}
