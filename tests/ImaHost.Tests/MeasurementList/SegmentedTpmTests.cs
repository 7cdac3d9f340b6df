using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>A list in segments and a TPM, over starts and deaths of hosts.</summary>
public sealed class SegmentedTpmTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256, HashAlgorithm.Sha384];
    readonly TpmList _list = new(Banks);
    readonly DigestSet _digests = new();

    public SegmentedTpmTests() => _list.Settings = _list.Settings with { Limits = new SegmentLimits(8, long.MaxValue) };

    public void Dispose()
    {
        _list.Dispose();
        _digests.Dispose();
    }

    [Fact]
    public void Manifests_tell_what_the_TPM_held_at_each_cut()
    {
        _list.Begin();
        for (int number = 0; number < 30; number++)
        {
            int pcr = number % 5 == 4 ? 17 : 10;
            Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number) with { Pcr = pcr, IsViolation = number % 7 == 3 }));
            Seal();
            if (_list.List.Log.Segments is [.., { Sealed: { } last }, { } growing] && growing.Start == _list.List.Log.Extent)
            {
                RequirePcrs(last.Manifest.PcrsAfter);
            }
        }

        _list.List.Cut();
        Seal();
        RequirePcrs(_list.List.Log.Segments[^2].Sealed!.Manifest.PcrsAfter);
        Assert.True(_list.List.Log.Segments[^2].Sealed!.Manifest.Extended);
        Assert.All(new SegmentVerifier(_list.List.Log.Path, 0, _digests).Run(), report => Assert.Empty(report.Problems));
    }

    /// <summary>
    /// The host dies after any number of extends, also of entries that are sealed long since: the TPM was away then. What
    /// is missing is extended, and nothing else.
    /// </summary>
    [Fact]
    public void Resume_extends_what_is_missing_however_far_the_TPM_is_behind()
    {
        _list.Begin();
        var held = new List<byte[][]>();
        for (int number = 0; number < 60; number++)
        {
            held.Add([.. Banks.Select(bank => _list.Pcrs[bank, 10])]);
            _ = _list.Add(Entry.Number(number));
        }

        Seal();
        byte[][] last = [.. Banks.Select(bank => _list.Pcrs[bank, 10])];
        for (int had = 0; had < held.Count; had += 3)
        {
            for (int bank = 0; bank < Banks.Length; bank++)
            {
                _list.Pcrs[Banks[bank], 10] = held[had][bank];
            }

            int before = _list.Extends;
            _list.Resume();
            Assert.Null(_list.List.Fault);
            Assert.Equal(60 - had, _list.Extends - before);
            Assert.Equal(last, Banks.Select(bank => _list.Pcrs[bank, 10]));
            Assert.Equal(61, _list.List.Extended);
        }
    }

    [Fact]
    public void Resume_replays_only_what_follows_the_last_manifest()
    {
        Fill(40);
        Seal();
        string path = _list.List.Log.Path;
        _list.List.Dispose();
        for (int number = 0; number < 4; number++)
        {
            // Would not replay: so nobody looks.
            byte[] bytes = File.ReadAllBytes(SegmentFiles.Data(path, number));
            bytes[^1] ^= 1;
            File.WriteAllBytes(SegmentFiles.Data(path, number), bytes);
        }

        _list.Resume();
        Assert.Null(_list.List.Fault);
        Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(1000)));
        Assert.Equal(42, _list.List.Extended);
    }

    [Theory]
    [InlineData(true, "is zero, which the 41 entries of")]
    [InlineData(false, "which the 41 entries of")]
    public void Resume_reports_a_TPM_that_no_part_of_the_segments_explains(bool isReset, string said)
    {
        Fill(40);
        Seal();
        foreach (HashAlgorithm bank in Banks)
        {
            _list.Pcrs[bank, 10] = [.. Enumerable.Repeat((byte)(isReset ? 0 : 7), bank.Size)];
        }

        _list.Resume();
        Assert.Contains(said, _list.List.Fault, StringComparison.Ordinal);
        Assert.Equal(StoreOutcome.NotExtended, _list.Add(Entry.Number(500)));
    }

    [Fact]
    public void Resume_goes_on_when_the_first_segments_are_erased()
    {
        Fill(40);
        Seal();
        using (var retention = new ListRetention(_list.List, new ListWindow(_list.List.Log)))
        {
            Assert.Equal(4, retention.Apply(new Retention(RetentionKind.Keep, 1), null).Count);
        }

        _list.Resume();
        Assert.Null(_list.List.Fault);
        Assert.Equal(StoreOutcome.AlreadyThere, _list.Add(Entry.Number(3)));
        Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(500)));
        _list.Begin();
        Assert.Null(_list.List.Fault);
    }

    [Fact]
    public void Nothing_is_erased_that_the_TPM_has_not_had()
    {
        Fill(20);
        Seal();
        _list.Refusal = 0x101;
        for (int number = 20; number < 40; number++)
        {
            Assert.Equal(StoreOutcome.NotExtended, _list.Add(Entry.Number(number)));
        }

        Seal();
        SealedSegment[] chain = [.. _list.List.Log.Segments.Select(one => one.Sealed).OfType<SealedSegment>()];
        Assert.Equal([true, true, false, false, false], chain.Select(one => one.Manifest.Extended));
        Assert.Equal(16, Retention.ExtendedOf(chain));
        var nothingKept = new Retention(RetentionKind.Keep);
        using var retention = new ListRetention(_list.List, new ListWindow(_list.List.Log));
        Assert.Equal([0, 1], retention.Apply(nothingKept, null).Select(one => one.Segment));
        _list.Refusal = 0;
        _list.List.TendTpm();
        Assert.Equal(41, _list.List.Extended);
        Assert.Equal([2, 3, 4], retention.Apply(nothingKept, null).Select(one => one.Segment));
    }

    [Fact]
    public void Begin_knows_the_PCR_of_a_list_whose_first_segment_is_erased()
    {
        Fill(40);
        Seal();
        string first = _list.List.Log.Path;
        using (var retention = new ListRetention(_list.List, new ListWindow(_list.List.Log)))
        {
            _ = retention.Apply(new Retention(RetentionKind.Keep, 1), null);
        }

        _list.Settings = _list.Settings with { Pcr = 11 };
        _list.Begin();
        Assert.NotEqual(first, _list.List.Log.Path);
        _list.Settings = _list.Settings with { Pcr = 10 };
        _list.Begin();
        Assert.Equal(first, _list.List.Log.Path);
    }

    [Fact]
    public void Quote_signs_the_manifest_as_it_is_without_it()
    {
        Fill(10);
        var signed = new List<byte[]>();
        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", data =>
        {
            signed.Add(data);
            return new ManifestQuote("YQ+/", "cw==", "aw==", 9, new PcrTable { ["sha1"] = [] });
        });
        Assert.Equal(1, sealer.SealClosed());
        string text = File.ReadAllText(SegmentFiles.Manifest(_list.List.Log.Path, 0));
        const string quote = ",\"quote\":{\"attest\":\"YQ+/\",\"signature\":\"cw==\",\"ak\":\"aw==\",\"entries\":9,\"pcrs\":{\"sha1\":{}}}";
        Assert.EndsWith(quote + "}\n", text, StringComparison.Ordinal);
        string without = text.Replace(quote, "", StringComparison.Ordinal);
        Assert.Equal(
            [0, 0x0b, .. System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(without))], Assert.Single(signed));
        Assert.True(new SegmentVerifier(_list.List.Log.Path, 0, _digests).Run().First().Quoted);

        // Signed or not, without the bytes nobody can follow what it says.
        using var retention = new ListRetention(_list.List, new ListWindow(_list.List.Log));
        string warning = Assert.Single(retention.Apply(new Retention(RetentionKind.Keep), null)).Warning;
        Assert.StartsWith("a TPM's key has signed its manifest, which does not prove it: unless a copy", warning, StringComparison.Ordinal);
    }

    void Fill(int entries)
    {
        _list.Begin();
        for (int number = 0; number < entries; number++)
        {
            Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number)));
        }
    }

    void Seal()
    {
        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", quotes: null);
        _ = sealer.SealClosed();
        Assert.Null(sealer.Fault);
    }

    void RequirePcrs(PcrTable told)
    {
        foreach (HashAlgorithm bank in Banks)
        {
            foreach ((string pcr, string value) in told[bank.Name])
            {
                Assert.Equal(
                    Convert.ToHexStringLower(_list.Pcrs[bank, int.Parse(pcr, System.Globalization.CultureInfo.InvariantCulture)]), value);
            }
        }
    }
}
