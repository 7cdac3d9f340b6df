using ImaHost.InteropTests.Support;
using static ImaHost.InteropTests.Support.ViolationBench;

namespace ImaHost.InteropTests;

/// <summary>
/// Violations of files whose verdict the kernel holds, so that accesses make no event; and what is none by the rules.
/// </summary>
public sealed class CachedViolationTests(ViolationBench bench) : IClassFixture<ViolationBench>
{
    /// <summary>Milliseconds that a lease outlives its verdict: options.linger in native/options.c.</summary>
    const int Linger = 200;

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("ext4")]
    public void Reader_that_made_no_event_is_found_when_a_writer_comes(string kind)
    {
        WatchedFile file = bench.NewFile(kind, "elf");
        Assert.Equal(0, Shell.Script(file.Path).Status);
        ulong events = CountEvents(file.Daemon);
        Assert.Equal(0, Shell.Script(file.Path).Status);
        bench.Reader.OpenToRead(file.Path);
        Assert.Equal(events, CountEvents(file.Daemon));

        bench.Writer.OpenToWrite(file.Path);

        file.Expect(ToMToU);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Host_that_is_killed_before_the_writer_comes_misses_nothing(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        bench.Reader.OpenToRead(file.Path);
        file.Daemon.KillHost();

        bench.Writer.OpenToWrite(file.Path);

        file.Expect(ToMToU);
    }

    [Fact]
    public void Host_that_dies_after_it_was_told_of_the_writer_leaves_the_looking_to_the_next()
    {
        WatchedFile file = bench.NewFile("ext4", "elf");
        bench.Reader.OpenToRead(file.Path);
        Shell.Signal("STOP", file.Daemon.HostPid);
        using Running write = Shell.StartScript($": >> {file.Path}");
        Thread.Sleep(Linger / 2);
        Assert.False(write.HasExited);

        file.Daemon.KillHost();

        file.Expect(ToMToU);
        Assert.Equal(0, write.Wait().Status);
    }

    [Fact]
    public void Reader_that_no_rule_measures_makes_no_writer_a_violation()
    {
        using var volume = new Volume("ext4");
        string policy = Bench.NewFile(
            "policy", "dont_measure fowner=65533\nmeasure func=FILE_CHECK mask=MAY_READ uid=0\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {policy}");
        using var stranger = new Actor(65534);
        var theirs = new WatchedFile(volume["theirs"], daemon);
        var strange = new WatchedFile(volume["strange"], daemon);
        Shell.Must("sh", "-c", $"echo x > {theirs.Path}; chown 65533 {theirs.Path}; echo y > {strange.Path}");

        // One by its owner, the other by its reader.
        bench.Reader.OpenToRead(theirs.Path);
        bench.Writer.OpenToWrite(theirs.Path);
        bench.OtherReader.OpenToRead(theirs.Path);
        stranger.OpenToRead(strange.Path);
        bench.Writer.Close(bench.Writer.OpenToWrite(strange.Path));
        theirs.Expect();
        strange.Expect();

        // The stranger still reads when somebody is measured.
        bench.Reader.Close(bench.Reader.OpenToRead(strange.Path));
        bench.Writer.OpenToWrite(strange.Path);
        strange.Expect(ToMToU);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Writer_waits_for_the_linger_and_little_longer(string kind, string what)
    {
        const int rounds = 5;
        const int slack = 400;
        var waits = new List<int>();
        WatchedFile file = bench.NewFile(kind, what);
        for (int round = 0; round < rounds; round++)
        {
            int read = bench.Reader.OpenToRead(file.Path);
            int written = bench.Writer.OpenToWrite(file.Path);
            waits.Add(bench.Writer.Took);
            bench.Writer.Close(written);
            bench.Reader.Close(read);
        }

        // The machine may be busy; the one in the middle is not often.
        waits.Sort();
        TestContext.Current.SendDiagnosticMessage($"writers of {kind} {what} waited {string.Join(", ", waits)} ms");
        Assert.InRange(waits[rounds / 2], 1, Linger + slack);
    }

    static ulong CountEvents(Daemon daemon) =>
        daemon.Status().GetProperty("accesses").GetProperty("events").GetUInt64();
}
