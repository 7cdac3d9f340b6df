using System.Text;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>A kexec: another boot, and a TPM that holds what the list of the one before has led to.</summary>
public sealed class CarriedListTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];
    readonly TpmList _list = new(Banks);
    readonly DigestSet _digests = new();

    public CarriedListTests() => _list.Settings = _list.Settings with { Limits = new SegmentLimits(8, long.MaxValue) };

    string Lists => Path.Combine(_list.State.Path, "lists");

    public void Dispose()
    {
        _list.Dispose();
        _digests.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void List_of_the_boot_before_goes_on_as_one_chain_of_manifests(bool isSealed)
    {
        string before = Fill("a", 20);
        if (isSealed)
        {
            Seal();
        }

        _list.Boot("b");
        _list.Begin();
        Assert.Equal(before, _list.List.Log.Path);
        Assert.Equal(before, _list.State.Current);
        Assert.Equal("a", new FileInfo(Path.Combine(Lists, "b")).LinkTarget);
        Assert.Contains($"holds what {before} ends in, as after a kexec", Assert.Single(_list.Said), StringComparison.Ordinal);
        for (int number = 100; number < 110; number++)
        {
            Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number)));
        }

        Seal();
        Assert.Equal([.. Enumerable.Repeat("a", 3), .. Enumerable.Repeat("b", 2)], Chain().Select(one => one.BootId));
        Assert.All(Chain(), one => Assert.Equal("a", one.List));
        Assert.All(Chain(), one => Assert.True(one.Extended));
        Assert.All(new SegmentVerifier(before, 0, _digests).Run(), report => Assert.Empty(report.Problems));
        Assert.Equal([0, 21], NumbersOf("boot_aggregate"));
        RequirePcrs();
    }

    /// <summary>The kernel does not look for restored entries either: what runs in this boot stands in its part of the list.</summary>
    [Fact]
    public void What_was_measured_before_the_kexec_is_measured_again_and_then_once()
    {
        _ = Fill("a", 20);
        _list.Boot("b");
        _list.Begin();
        Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(3)));
        Assert.Equal(StoreOutcome.AlreadyThere, _list.Add(Entry.Number(3)));
        _list.Resume();
        Assert.Equal(StoreOutcome.AlreadyThere, _list.Add(Entry.Number(3)));
        Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(4)));
        File.Delete(StateDirectory.TableIn(_list.State.Current));
        _list.Begin();
        Assert.Equal(StoreOutcome.AlreadyThere, _list.Add(Entry.Number(4)));
        Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(5)));
        Assert.Equal([0, 21], NumbersOf("boot_aggregate"));
        RequirePcrs();
    }

    [Fact]
    public void List_goes_on_over_several_kexecs_and_each_boot_finds_it_by_its_name()
    {
        string before = Fill("a", 5);
        foreach (string boot in new[] { "b", "c", "d" })
        {
            _list.Boot(boot);
            _list.Begin();
            Assert.Equal(before, _list.List.Log.Path);
            _ = _list.Add(Entry.Number(boot[0]));
            _list.Begin();
            Assert.Equal([before], _list.State.ListsOfThisBoot());
            Assert.Equal(before, ListsByName.Resolve(Path.Combine(Lists, boot)));
        }

        _list.Boot("e");
        _list.Begin();
        Seal();
        Assert.Equal(["a", "b", "c", "d", "e"], Chain().Select(one => one.BootId));
        Assert.Equal([before], ListsByName.In(_list.State.Path));
        RequirePcrs();
    }

    /// <summary>Of two boots before, the list is taken that the TPM has followed; the other stays as it was.</summary>
    [Fact]
    public void Of_several_earlier_lists_the_one_goes_on_that_ends_in_what_the_PCRs_hold()
    {
        string first = Fill("a", 20);
        byte[][] held = Values();
        Reset();
        string second = Fill("b", 12);
        byte[][] later = Values();
        Set(held);
        _list.Boot("c");
        _list.Begin();
        Assert.Equal(first, _list.List.Log.Path);
        Assert.Null(_list.List.Fault);
        Set(later);
        _list.Boot("d");
        _list.Begin();
        Assert.Equal(second, _list.List.Log.Path);
        Assert.Equal(2, Directory.GetDirectories(Lists).Count(list => new DirectoryInfo(list).LinkTarget != null));
    }

    [Theory]
    [InlineData("more in the PCR")]
    [InlineData("less in the PCR")]
    [InlineData("damaged")]
    public void List_that_does_not_end_in_what_the_PCRs_hold_is_refused_and_left_alone(string how)
    {
        string before = Fill("a", 20);
        byte[][] earlier = Values();
        _ = _list.Add(Entry.Number(500));
        if (how == "less in the PCR")
        {
            Set(earlier);
        }
        else if (how == "more in the PCR")
        {
            _list.Pcrs.Extend(HashAlgorithm.Sha1, 10, new byte[20]);
            _list.Pcrs.Extend(HashAlgorithm.Sha256, 10, new byte[32]);
        }

        _list.Boot("b");
        string data = SegmentFiles.Data(before, 1);
        if (how == "damaged")
        {
            byte[] bytes = File.ReadAllBytes(data);
            bytes[^1] ^= 1;
            File.WriteAllBytes(data, bytes);
        }

        string[] files = Directory.GetFiles(before);
        ListException refused = Assert.Throws<ListException>(_list.Begin);
        Assert.Contains("was extended before, and no list here explains it", refused.Message, StringComparison.Ordinal);
        Assert.Equal(files, Directory.GetFiles(before));
        Assert.Equal([before], Directory.GetDirectories(Lists));
        Assert.Empty(_list.Said);
    }

    /// <summary>As at any other start: to seal anew what follows would write over what was signed.</summary>
    [Fact]
    public void List_that_is_broken_before_its_end_is_refused_with_the_file_and_left_alone()
    {
        string before = Fill("a", 20);
        Seal();
        _list.Boot("b");
        string broken = SegmentFiles.Manifest(before, 1);
        File.AppendAllText(broken, " ");
        Dictionary<string, byte[]> files = Directory.GetFiles(before).ToDictionary(path => path, File.ReadAllBytes);
        ListException refused = Assert.Throws<ListException>(_list.Begin);
        Assert.StartsWith($"{broken}: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("sealed segments follow it", refused.Message, StringComparison.Ordinal);
        Assert.Equal(files, Directory.GetFiles(before).ToDictionary(path => path, File.ReadAllBytes));
        Assert.Equal([before], Directory.GetDirectories(Lists));
    }

    [Fact]
    public void Last_record_that_a_crash_cut_off_is_dropped_before_the_list_goes_on()
    {
        string before = Fill("a", 5);
        _list.Boot("b");
        File.AppendAllText(SegmentFiles.Data(before, 0), "half a rec");
        _list.Begin();
        Assert.Equal(before, _list.List.Log.Path);
        Assert.Equal([0, 6], NumbersOf("boot_aggregate"));
        RequirePcrs();
    }

    [Fact]
    public void List_goes_on_whose_first_segments_are_erased_and_that_uses_several_PCRs()
    {
        string before = Fill("a", 0);
        for (int number = 0; number < 30; number++)
        {
            Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number) with { Pcr = 10 + (number % 3) }));
        }

        Seal();
        using (var retention = new ListRetention(_list.List, new ListWindow(_list.List.Log)))
        {
            Assert.Equal(3, retention.Apply(new Retention(RetentionKind.Keep, 1), null).Count);
        }

        _ = _list.Add(Entry.Number(77));
        _list.Boot("b");
        _list.Begin();
        Assert.Equal(before, _list.List.Log.Path);
        Assert.Null(_list.List.Fault);
        Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(0)));
        RequirePcrs(10, 11, 12);
    }

    /// <summary>As in the kernel: staged entries stand before the current ones again, what was deleted is not there.</summary>
    /// <summary>Nothing of this boot is sealed yet, and its host is stopped: the list goes on all the same.</summary>
    [Fact]
    public void Command_that_erases_in_a_list_that_went_on_keeps_the_keys_of_its_entries()
    {
        string list = Fill("a", 20);
        Seal();
        _list.Boot("b");
        _list.Begin();
        _list.Boot("b");
        IReadOnlyList<SealedSegment> chain = SealedChain.Read(list, _digests, out _);
        Assert.All(chain, one => Assert.Equal("a", one.Manifest.BootId));
        ErasedSegment[] erased =
            [.. SegmentEraser.EraseBy(new Retention(RetentionKind.Keep, 1), list, chain, missing: null, "b", DateTime.UtcNow, _digests)];
        Assert.Equal(chain.Count - 1, erased.Length);
        Assert.All(erased, one => Assert.True(File.Exists(SegmentFiles.Keys(list, one.Segment))));
        _ = SegmentEraser.EraseBy(new Retention(RetentionKind.Keep), list, chain, missing: null, "c", DateTime.UtcNow, _digests).ToList();
        Assert.False(File.Exists(SegmentFiles.Keys(list, chain.Count - 1)));
    }

    [Fact]
    public void What_was_staged_is_published_again_in_front_of_the_list()
    {
        _ = Fill("a", 20);
        var window = new ListWindow(_list.List.Log);
        Assert.True(window.TryDelete(2));
        Assert.True(window.TryStage());
        _list.Boot("b");
        _list.Begin();
        window = new ListWindow(_list.List.Log);
        Assert.Equal(2, window.Current.From.Entries);
        Assert.Equal(_list.List.Log.Extent, window.Current.To);
        Assert.Equal(window.Staged.From, window.Staged.To);
    }

    [Fact]
    public void Reboot_that_resets_the_TPM_begins_a_list_of_its_own()
    {
        string before = Fill("a", 20);
        Reset();
        _list.Boot("b");
        _list.Begin();
        Assert.NotEqual(before, _list.List.Log.Path);
        Assert.Empty(_list.Said);
        Assert.Equal(1, _list.List.Log.Extent.Entries);
    }

    [Fact]
    public void Link_whose_list_was_taken_away_gives_way_to_a_new_list()
    {
        string before = Fill("a", 5);
        _list.Boot("b");
        _list.Begin();
        _list.Boot("b");
        Directory.Move(before, _list.State.Path + ".away");
        Reset();
        _list.Begin();
        Assert.Equal(Path.Combine(Lists, "b"), _list.List.Log.Path);
        Assert.Null(new FileInfo(_list.List.Log.Path).LinkTarget);
    }

    string Fill(string boot, int entries)
    {
        _list.Boot(boot);
        _list.Begin();
        for (int number = 0; number < entries; number++)
        {
            Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number)));
        }

        return _list.List.Log.Path;
    }

    void Seal()
    {
        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", quotes: null);
        sealer.SealAll();
        Assert.Null(sealer.Fault);
    }

    Manifest[] Chain() => [.. SealedChain.Read(_list.State.Current, _digests, out _).Select(one => one.Manifest)];

    int[] NumbersOf(string name)
    {
        var found = new List<int>();
        var reader = new LogReader(_list.List.Log.ReadBinary);
        while (reader.Next(out MeasurementRecord record))
        {
            if (record.ReadName().SequenceEqual(Encoding.ASCII.GetBytes(name)))
            {
                found.Add((int)reader.Number);
            }
        }

        return [.. found];
    }

    byte[][] Values() => [.. Banks.Select(bank => _list.Pcrs[bank, 10])];

    void Set(byte[][] values)
    {
        for (int i = 0; i < Banks.Length; i++)
        {
            _list.Pcrs[Banks[i], 10] = values[i];
        }
    }

    void Reset() => Set([.. Banks.Select(bank => new byte[bank.Size])]);

    /// <summary>The whole list leads to what the TPM holds, by a replay of its own.</summary>
    void RequirePcrs(params int[] pcrs)
    {
        Assert.Null(_list.List.Fault);
        using var bytes = new SegmentBytes(_list.List.Log.Path);
        Seal();
        Manifest last = Chain()[^1];
        foreach (HashAlgorithm bank in Banks)
        {
            foreach (int pcr in pcrs.DefaultIfEmpty(10))
            {
                Assert.Equal(Convert.ToHexStringLower(_list.Pcrs[bank, pcr]), last.PcrsAfter[bank.Name][$"{pcr}"]);
            }
        }
    }
}
