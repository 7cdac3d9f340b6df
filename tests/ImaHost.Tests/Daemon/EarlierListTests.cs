using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>Reboots: what a host could not do any more for its list is done by the next one.</summary>
public sealed class EarlierListTests : IDisposable
{
    readonly ListFixture _fixture = new(segment: 4);
    readonly TemporaryDirectory _targets = new();
    readonly DigestSet _digests = new();
    readonly SaidLog _log = new();
    int _number;

    string Target => _targets.At("list");

    public void Dispose()
    {
        _fixture.Dispose();
        _targets.Dispose();
        _digests.Dispose();
    }

    [Fact]
    public void Lists_of_earlier_boots_are_sealed_to_their_ends_without_a_quote()
    {
        string[] lists = [Boot(10), Boot(3), Boot(5)];
        string current = Boot(2);
        Work(new LogOptions());
        foreach (string list in lists)
        {
            SegmentReport[] reports = Verify(list);
            Assert.All(reports, report => Assert.Equal(("sealed", false), (report.State, report.Quoted)));
            Manifest last = SealedChain.Read(list, _digests, out _)[^1].Manifest;
            Assert.False(last.Extended);
            Assert.Equal(Path.GetFileName(list), last.BootId);
        }

        Assert.Equal([11, 4, 6], lists.Select(list => Verify(list).Sum(report => report.Entries)));
        Assert.Equal("open", Verify(current)[^1].State);
        Assert.Equal([.. lists, current], ListsByName.In(_fixture.State.Path));
    }

    [Fact]
    public void Record_that_a_crash_cut_off_is_dropped_and_the_order_of_lists_stays()
    {
        string first = Boot(2);
        string second = Boot(2);
        byte[] whole = Bytes(first);
        File.AppendAllText(SegmentFiles.Data(first, 0), "half a record");
        File.SetLastWriteTimeUtc(SegmentFiles.Data(first, 0), DateTime.UtcNow.AddHours(-1));
        _ = Boot(1);
        Work(new LogOptions());
        Assert.Equal("sealed", Assert.Single(Verify(first)).State);
        Assert.Equal(whole, Bytes(first));
        Assert.Equal([first, second], ListsByName.In(_fixture.State.Path).Take(2));
    }

    /// <summary>A disk that lost power may keep a file and not the one before it.</summary>
    [Fact]
    public void Segment_that_a_power_cut_has_emptied_in_the_middle_is_named_and_what_follows_stays()
    {
        string list = Boot(10);
        byte[] last = File.ReadAllBytes(SegmentFiles.Data(list, 2));
        File.WriteAllBytes(SegmentFiles.Data(list, 1), []);
        _ = Boot(1);
        Work(new LogOptions());
        Assert.Single(
            _log.Messages, message => message.Contains(
                $"{list} cannot be sealed, and stays as it is: segment 1 has no entry, but segment 2 follows", StringComparison.Ordinal));
        Assert.Equal(last, File.ReadAllBytes(SegmentFiles.Data(list, 2)));
        Assert.False(File.Exists(SegmentFiles.Manifest(list, 2)));
    }

    [Fact]
    public void Files_of_segments_that_never_had_an_entry_are_removed()
    {
        string list = Boot(7);
        int end = SegmentFiles.Numbers(list).Count;
        File.WriteAllBytes(SegmentFiles.Data(list, end), []);
        File.WriteAllBytes(SegmentFiles.Data(list, end + 1), []);
        _ = Boot(1);
        Work(new LogOptions());
        Assert.Empty(_log.Messages);
        Assert.Equal(Enumerable.Range(0, end), SegmentFiles.Numbers(list));
        Assert.All(Verify(list), report => Assert.Equal("sealed", report.State));
    }

    /// <summary>A disk that lost power: the file has its length, and some pages are zeros. One record lies half before them.</summary>
    [Fact]
    public void Pages_that_a_power_cut_has_lost_at_the_end_are_dropped()
    {
        using var fixture = new ListFixture(segment: 1000);
        for (int number = 0; number < 200; number++)
        {
            _ = fixture.Add(Entry.Number(number));
        }

        string list = fixture.List.Log.Path;
        string data = SegmentFiles.Data(list, 0);
        fixture.Reboot();
        byte[] bytes = File.ReadAllBytes(data);
        Array.Clear(bytes, 8192, bytes.Length - 8192);
        File.WriteAllBytes(data, bytes);
        using var upkeep = new SegmentUpkeep(new LogOptions(), fixture.List, fixture.Settings, quotes: null, _log);
        upkeep.SealOnce();
        Assert.Empty(_log.Messages);
        SegmentReport report = Assert.Single(Verify(list));
        Assert.Equal("sealed", report.State);
        Assert.InRange(report.Bytes, 8192 - 200, 8192);
    }

    [Theory]
    [InlineData("bytes")]
    [InlineData("manifest")]
    public void Damaged_list_stays_as_it_is_with_one_warning_and_the_others_are_sealed(string what)
    {
        string bad = Boot(10);
        string good = Boot(3);
        _ = Boot(1);
        string data = SegmentFiles.Data(bad, 2);
        if (what == "bytes")
        {
            byte[] bytes = File.ReadAllBytes(data);
            bytes[^1] ^= 1;
            File.WriteAllBytes(data, bytes);
        }
        else
        {
            File.WriteAllText(SegmentFiles.Manifest(bad, 0), "{}");
        }

        byte[] before = File.ReadAllBytes(data);
        Work(new LogOptions(), rounds: 3);
        Assert.Equal("sealed", Assert.Single(Verify(good)).State);
        Assert.Equal(before, File.ReadAllBytes(data));
        Assert.False(File.Exists(SegmentFiles.Manifest(bad, 2)));
        Assert.Single(_log.Messages, message => message.Contains(what == "bytes" ? $"of {bad} cannot be sealed" : SegmentFiles.Manifest(bad, 0), StringComparison.Ordinal));
    }

    [Fact]
    public void Configured_file_gets_all_lists_oldest_first_and_each_once()
    {
        string[] lists = [Boot(10), Boot(3)];
        Work(Exporting(), flush: true);
        lists = [.. lists, Boot(7)];
        Work(Exporting(), flush: true);
        Work(Exporting(), flush: true);
        Assert.Equal(lists.SelectMany(list => Bytes(list)), File.ReadAllBytes(Target));
    }

    /// <summary>The host was killed: something of its list was exported, something only sealed, something neither.</summary>
    [Fact]
    public void Export_goes_on_behind_what_it_has_had_of_the_list_before()
    {
        string first = Boot(9);
        Work(Exporting());
        int had = File.ReadAllBytes(Target).Length;
        Assert.InRange(had, 1, Bytes(first).Length - 1);
        Add(6);
        using (var sealer = new ListSealer(_fixture.List, _fixture.Settings, "1.2.3", quotes: null))
        {
            Assert.Equal(1, sealer.SealClosed());
        }

        File.AppendAllText(Target, "half of a segment that a crash has left");
        string second = Boot(5);
        Work(Exporting(), flush: true);
        Assert.Equal([.. Bytes(first), .. Bytes(second)], File.ReadAllBytes(Target));
        Assert.Equal([first, second], ListsByName.In(_fixture.State.Path));
    }

    [Fact]
    public void Another_configured_target_gets_everything_that_is_there()
    {
        string[] lists = [Boot(9), Boot(5)];
        Work(Exporting(), flush: true);
        string other = _targets.At("other");
        File.WriteAllText(other, "what was there before");
        Work(Exporting(other), flush: true);
        Assert.Equal(lists.SelectMany(list => Bytes(list)), File.ReadAllBytes(other));
        Assert.Equal(lists.SelectMany(list => Bytes(list)), File.ReadAllBytes(Target));
    }

    [Fact]
    public void Target_that_a_command_set_gets_the_rest_of_its_list_and_of_no_other()
    {
        string first = Boot(9);
        string other = _targets.At("other");
        using (SegmentUpkeep upkeep = Start(Exporting()))
        {
            Assert.Equal("ok\n", Ask(upkeep, $"segments export file:{other}"));
            upkeep.Flush();
        }

        Add(2);
        string second = Boot(5);
        Work(Exporting(), flush: true);
        Assert.Equal(Bytes(first), File.ReadAllBytes(other));
        Assert.Equal(Bytes(second), File.ReadAllBytes(Target));
    }

    /// <summary>What is newer waits, so that nothing is left out in the middle; a command gets the current list on its way.</summary>
    [Fact]
    public void Earlier_list_that_cannot_be_exported_holds_up_those_behind_it_and_is_named()
    {
        string first = Boot(9);
        Work(Exporting());
        string second = Boot(5);
        byte[] newer = Bytes(second);
        byte[] older = Bytes(first);
        byte[] had = File.ReadAllBytes(Target);
        File.Delete(Target);
        _ = Directory.CreateDirectory(Target);
        using (SegmentUpkeep upkeep = Start(Exporting(), new Retention(RetentionKind.Keep)))
        {
            upkeep.Flush();
            Assert.Contains(first, Assert.Single(upkeep.Faults), StringComparison.Ordinal);
            Assert.Contains($"segments of {second} are not exported to file:{Target}", Ask(upkeep, "segments left"), StringComparison.Ordinal);
            string other = _targets.At("other");
            Assert.Equal("ok\n", Ask(upkeep, $"segments export file:{other}"));
            upkeep.Flush();
            Assert.Equal(newer, File.ReadAllBytes(other));
        }

        // What it lacked of the first was not erased. The target is well again at the next start, and gets it.
        Directory.Delete(Target);
        File.WriteAllBytes(Target, had);
        Work(Exporting(), flush: true);
        Assert.Equal(older, File.ReadAllBytes(Target));
    }

    [Fact]
    public void Retention_counts_segments_over_all_lists()
    {
        string first = Boot(11);
        string second = Boot(7);
        string third = Boot(7);
        Work(new LogOptions(), flush: true);
        Work(new LogOptions { Retention = new Retention(RetentionKind.Keep, 4) }, flush: true);
        Assert.Equal([3, 0, 0], new[] { first, second, third }.Select(CountErased));
        Work(new LogOptions { Retention = new Retention(RetentionKind.Keep, 3) }, flush: true);
        Assert.Equal([3, 1, 0], new[] { first, second, third }.Select(CountErased));
        Work(new LogOptions { Retention = new Retention(RetentionKind.Since, 3600) }, flush: true);
        Assert.Equal([3, 1, 0], new[] { first, second, third }.Select(CountErased));
        Work(new LogOptions { Retention = new Retention(RetentionKind.Keep) }, flush: true);
        Assert.Equal([3, 2, 2], new[] { first, second, third }.Select(CountErased));
        Assert.All(Verify(first).Concat(Verify(second)), report => Assert.Empty(report.Problems));
    }

    [Theory]
    [InlineData("keep:0")]
    [InlineData("since:0")]
    [InlineData("exported")]
    public void Nothing_is_erased_that_the_export_or_the_hook_has_not_had(string words)
    {
        string first = Boot(7);
        string second = Boot(7);
        Retention rule = words == "since:0" ? new Retention(RetentionKind.Since, -1000) : LogOptions.TryParseRetention(words)!;
        LogOptions both = Exporting(command: ["/bin/true"]);
        _ = Directory.CreateDirectory(Target);
        Work(both with { Retention = rule }, flush: true);
        Assert.Equal([0, 0], new[] { first, second }.Select(CountErased));

        // Exported, but the hook has had one only.
        Directory.Delete(Target);
        HookProgress.Write(first, 1);
        Work(both with { Retention = rule }, flush: true);
        Assert.Equal([1, 0], new[] { first, second }.Select(CountErased));
        HookProgress.Write(first, 2);
        HookProgress.Write(second, 1);
        Work(both with { Retention = rule }, flush: true);
        Assert.Equal([2, 1], new[] { first, second }.Select(CountErased));
    }

    [Fact]
    public void Export_that_is_not_configured_any_more_ends_and_keeps_nothing_back()
    {
        string first = Boot(7);
        Work(Exporting(), flush: true);
        byte[] had = File.ReadAllBytes(Target);
        Add(6);
        string second = Boot(5);
        Work(new LogOptions { Retention = new Retention(RetentionKind.Keep) }, flush: true);
        Assert.Equal(had, File.ReadAllBytes(Target));
        Assert.True(CountErased(first) > 2 && CountErased(second) > 0);

        // Configured again it goes on where it was, and empties nothing: that may be the only copy.
        byte[] third = Bytes(Boot(3));
        Work(Exporting(), flush: true);
        Assert.Equal([.. had, .. third], File.ReadAllBytes(Target));
    }

    [Theory]
    [InlineData("{\"target\":")]
    [InlineData("null")]
    [InlineData("{\"target\":\"nowhere\",\"next\":1,\"bytes\":0,\"list\":\"x\"}")]
    [InlineData("{\"target\":\"file:/x\",\"next\":-1,\"bytes\":-5,\"list\":\"../x\"}")]
    [InlineData("")]
    public void Damaged_progress_of_an_export_is_named_and_exported_again_without_emptying_anything(string text)
    {
        string first = Boot(7);
        Work(Exporting(), flush: true);
        byte[] had = File.ReadAllBytes(Target);
        File.WriteAllText(Path.Combine(first, "export"), text);
        File.WriteAllText(StateDirectory.ExportBeside(first), text);
        byte[] second = Bytes(Boot(3));
        Work(Exporting(), flush: true);
        Assert.Equal([.. had, .. had, .. second], File.ReadAllBytes(Target));
        Assert.Single(_log.Messages, message => message.StartsWith($"{first}/export is damaged", StringComparison.Ordinal));
        Assert.Single(_log.Messages, message => message.StartsWith($"{StateDirectory.ExportBeside(first)} is damaged", StringComparison.Ordinal));
        Work(Exporting(), flush: true);
        Assert.Equal([.. had, .. had, .. second], File.ReadAllBytes(Target));
    }

    [Theory]
    [InlineData("{\"deleted\":")]
    [InlineData("null")]
    [InlineData("{\"deleted\":{\"entries\":2,\"binary_bytes\":9,\"ascii_bytes\":9},\"staged\":{\"entries\":1,\"binary_bytes\":9,\"ascii_bytes\":9}}")]
    [InlineData("{\"deleted\":{\"entries\":2,\"binary_bytes\":9,\"ascii_bytes\":9},\"staged\":{\"entries\":99,\"binary_bytes\":9,\"ascii_bytes\":9}}")]
    [InlineData("{\"deleted\":{\"entries\":-2,\"binary_bytes\":-9,\"ascii_bytes\":0},\"staged\":{\"entries\":0,\"binary_bytes\":0,\"ascii_bytes\":0}}")]
    public void Damaged_window_publishes_the_whole_list_with_one_warning(string text)
    {
        string list = Boot(6);
        string window = Path.Combine(list, "window");
        File.WriteAllText(window, text);
        for (int start = 0; start < 2; start++)
        {
            using SegmentUpkeep upkeep = Start(new LogOptions());
            Assert.Equal(new LogWindow(default, _fixture.List.Log.Extent), upkeep.Window.Current);
        }

        string said = Assert.Single(_log.Messages);
        Assert.StartsWith($"{window} is damaged (", said, StringComparison.Ordinal);
        Assert.EndsWith($"): the whole list is published again; it is kept as {window}.damaged", said, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(window + ".damaged"));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("99999999999999999999")]
    public void Damaged_progress_of_a_hook_is_named_and_everything_handed_over_again(string text)
    {
        string list = Boot(6);
        File.WriteAllText(Path.Combine(list, "hook"), text);
        var said = new List<string>();
        Assert.Equal(0, HookProgress.Read(list, said.Add));
        Assert.StartsWith($"{list}/hook is damaged (", Assert.Single(said), StringComparison.Ordinal);
        Assert.Equal(0, HookProgress.Read(list, said.Add));
        Assert.Single(said);
    }

    [Fact]
    public void What_is_left_is_told_until_nothing_is()
    {
        string first = Boot(5);
        string second = Boot(2);
        using SegmentUpkeep upkeep = Start(Exporting(command: ["/bin/true"]));
        Assert.Contains("lists of earlier boots are being sealed", Ask(upkeep, "segments left"), StringComparison.Ordinal);
        upkeep.Flush();
        Assert.Equal(
            $"error: 2 segments of {first} were not handed to the hook; 1 segments of {second} were not handed to the hook\n",
            Ask(upkeep, "segments left"));
        HookProgress.Write(first, 2);
        HookProgress.Write(second, 1);
        Assert.Equal("ok\n", Ask(upkeep, "segments left"));
        Add(5);
        Assert.Contains($"1 segments of {second} are not sealed", Ask(upkeep, "segments left"), StringComparison.Ordinal);
    }

    static string Ask(SegmentUpkeep upkeep, string line) =>
        new SegmentRequests(upkeep).Answer(new ControlRequest(line, [], Uid: 0))!;

    /// <summary>A boot that ends in the middle of things: so many entries beside its boot_aggregate.</summary>
    string Boot(int entries)
    {
        if (_fixture.List.Log.Extent.Entries > 1)
        {
            _fixture.Reboot();
        }

        Add(entries);
        return _fixture.List.Log.Path;
    }

    void Add(int entries)
    {
        for (int end = _number + entries; _number < end; _number++)
        {
            _ = _fixture.Add(Entry.Number(_number));
        }
    }

    LogOptions Exporting(string? target = null, params string[] command) => new()
    {
        Export = new ExportOptions(new ExportTarget(target ?? Target, IsDirectory: false, Append: false), 0, 0, 0, command),
    };

    SegmentUpkeep Start(LogOptions options, Retention? retention = null) => new(
        retention == null ? options : options with { Retention = retention }, _fixture.List, _fixture.Settings, quotes: null, _log);

    /// <summary>One life of a host.</summary>
    /// <param name="flush">It ends in good order: all is sealed.</param>
    void Work(LogOptions options, int rounds = 1, bool flush = false)
    {
        using SegmentUpkeep upkeep = Start(options);
        for (int round = 0; round < rounds; round++)
        {
            upkeep.SealOnce();
            upkeep.ExportOnce();
        }

        if (flush)
        {
            upkeep.Flush();
        }
    }

    SegmentReport[] Verify(string list) => [.. new SegmentVerifier(list, 0, _digests).Run()];

    static int CountErased(string list) => SegmentFiles.Numbers(list).Count(number => !File.Exists(SegmentFiles.Data(list, number)));

    static byte[] Bytes(string list) =>
        [.. SegmentFiles.Numbers(list).SelectMany(number => File.ReadAllBytes(SegmentFiles.Data(list, number)))];
}
