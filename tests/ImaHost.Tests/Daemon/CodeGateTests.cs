using ImaHost.Appraisal;
using ImaHost.Daemon;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>What the guard and the people are told of the BPF programs.</summary>
public sealed class CodeGateTests
{
    static readonly CodeDenial Denial = new(
        CodeHook.Mmap, CodeCause.Unjudged, IsDenied: true, Pid: 7, Uid: 1000, "loader", "/srv/data", Inode: 12);

    static readonly DaemonOptions Enforcing = new()
    {
        Appraise = AppraiseMode.Enforce,
        Resolved = new ResolvedEnvironment("none", [], IsEmbeddedTpm: false, [], MayLabel: false, ListGroup: 0),
    };

    [Theory]
    [InlineData(AppraiseMode.Enforce, BpfUse.Auto, "enforce")]
    [InlineData(AppraiseMode.Enforce, BpfUse.Require, "enforce")]
    [InlineData(AppraiseMode.Enforce, BpfUse.Report, "report")]
    [InlineData(AppraiseMode.Log, BpfUse.Auto, "report")]
    [InlineData(AppraiseMode.Fix, BpfUse.Require, "report")]
    [InlineData(AppraiseMode.Off, BpfUse.Auto, "report")]
    internal void Programs_refuse_only_under_enforce(AppraiseMode mode, BpfUse use, string expected) => Assert.Equal(
        ["--bpf", expected, "--fileless", "deny", "--unwatched", "allow"],
        CodeGates.Arguments(Enforcing with { Appraise = mode, Bpf = use }));

    [Fact]
    public void What_is_not_watched_is_refused_when_all_is_to_be_watched() => Assert.Equal(
        ["--bpf", "enforce", "--fileless", "measure", "--unwatched", "deny"],
        CodeGates.Arguments(Enforcing with { Watch = ["/", "all"], Fileless = FilelessCode.Measure }));

    [Fact]
    public void Guard_is_told_of_no_programs_that_are_not_there() => Assert.Empty(
        CodeGates.Arguments(Enforcing with { Resolved = Enforcing.Resolved! with { WithoutBpf = "not offered" } }));

    [Fact]
    public void What_is_sheltered_and_who_is_spared_is_told_where_it_is_configured()
    {
        DaemonOptions sheltered = Enforcing with { State = "/var/lib/imahost", SelfProtection = new SelfProtection(33, ["/usr/bin/dpkg"]) };
        Assert.Equal(["--spare", "33"], CodeGates.Arguments(sheltered).TakeLast(2));
        string[] told = [.. Shelter.Arguments(sheltered, "/usr/sbin/imahost", "/usr/libexec/imahost/imahost-bpf")];
        foreach (string path in new[] { "/usr/sbin/imahost", "/usr/libexec/imahost/imahost-bpf", "/var/lib/imahost", "/etc/imahost" })
        {
            Assert.Equal("--shelter", told[Array.IndexOf(told, path) - 1]);
        }

        Assert.Equal(["--helper", "/usr/bin/dpkg"], told.TakeLast(2));
        Assert.Empty(Shelter.Arguments(Enforcing, "/usr/libexec/imahost/imahost-bpf"));
    }

    [Theory]
    [InlineData("status", true)]
    [InlineData("stop", false)]
    [InlineData("policy load", false)]
    public void Orders_are_those_of_who_is_spared(string line, bool mayBeAnybody)
    {
        const int checkpointRestore = 40;
        DaemonOptions sheltered = Enforcing with { SelfProtection = new SelfProtection(checkpointRestore, []) };
        using var bare = Child.Start(
            "/usr/bin/setpriv",
            ["--bounding-set", "-checkpoint_restore", "--inh-caps", "-checkpoint_restore", "/bin/sleep", "30"], "sleep");
        var request = new ControlRequest(line, [], Uid: 0, Gid: 0, (uint)bare.Pid);
        Assert.Equal(mayBeAnybody, Shelter.WhyNot(sheltered, request) == null);
        Assert.Null(Shelter.WhyNot(Enforcing, request));
        Assert.Null(Shelter.WhyNot(sheltered, request with { Pid = (uint)Environment.ProcessId }));
    }

    [Fact]
    public void Capabilities_have_the_numbers_of_the_kernel()
    {
        Assert.Equal(0, Capabilities.Find("CAP_CHOWN"));
        Assert.Equal(21, Capabilities.Find("CAP_SYS_ADMIN"));
        Assert.Equal(33, Capabilities.Find("CAP_MAC_ADMIN"));
        Assert.Equal(40, Capabilities.Find("CAP_CHECKPOINT_RESTORE"));
        Assert.Null(Capabilities.Find("SYS_ADMIN"));
        Assert.Null(Capabilities.Find("CAP_"));
    }

    [Fact]
    public void Level_is_that_of_BPF_only_when_it_refuses()
    {
        Assert.Equal("measured and BPF-enforced", Coverage.Level(CodeGate.Enforce));
        Assert.StartsWith("measured, fanotify only", Coverage.Level(CodeGate.Report), StringComparison.Ordinal);
        Assert.Equal("measured, fanotify only", Coverage.Level(CodeGate.Off));
        Assert.Contains(Coverage.Holes(CodeGate.Report, Enforcing), hole => hole.Contains("memfds", StringComparison.Ordinal));
        Assert.DoesNotContain(Coverage.Holes(CodeGate.Enforce, Enforcing), hole => hole.Contains("memfds", StringComparison.Ordinal));
        DaemonOptions allowing = Enforcing with { Fileless = FilelessCode.Allow };
        Assert.Contains(Coverage.Holes(CodeGate.Enforce, allowing), hole => hole.Contains("memfds", StringComparison.Ordinal));
    }

    [Fact]
    public void Repeated_denials_are_one_line_of_log_and_counted()
    {
        var told = new Lines();
        var denials = new CodeDenials(told);
        for (int i = 0; i < 5; i++)
        {
            denials.Take(Denial with { Pid = (uint)(10 + i) });
        }

        denials.Take(Denial with { IsDenied = false, Path = "/srv/line\nfeed" });
        Assert.Equal(2, told.Said.Count);
        Assert.StartsWith("Warning: BPF refused Mmap of /srv/data to process 10 (loader): Unjudged", told.Said[0], StringComparison.Ordinal);
        Assert.StartsWith("Information: BPF would refuse Mmap of /srv/line", told.Said[1], StringComparison.Ordinal);
        Assert.DoesNotContain(told.Said, line => line.Contains('\n', StringComparison.Ordinal));
        Assert.Equal(
            "refused mmap of /srv/data: unjudged, 5 times, last by loader (14)", Assert.Single(denials.Seen, seen => seen.Denied).Text);
    }

    [Fact]
    public void Denials_of_ever_new_files_fill_neither_memory_nor_log()
    {
        var told = new Lines();
        var denials = new CodeDenials(told);
        for (int i = 0; i < 1000; i++)
        {
            denials.Take(Denial with { Path = $"/srv/{i}" });
        }

        Assert.Equal(256, denials.Seen.Count);
        Assert.Equal(256, told.Said.Count);
    }

    sealed class Lines : ILogger
    {
        public List<string> Said { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => Said.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
