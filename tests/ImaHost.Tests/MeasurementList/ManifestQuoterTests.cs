using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>Quotes over manifests are of the list's PCRs at a known entry, and nobody waits for them.</summary>
public sealed class ManifestQuoterTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];
    static readonly byte[] Data = ManifestQuote.Qualify(Digest.Zero(HashAlgorithm.Sha256));

    readonly TpmList _list = new(Banks);
    readonly DigestSet _digests = new();

    public ManifestQuoterTests()
    {
        _list.Settings = _list.Settings with { Limits = new SegmentLimits(8, long.MaxValue) };
        _list.Begin();
    }

    public void Dispose()
    {
        _list.Dispose();
        _digests.Dispose();
    }

    [Fact]
    public void Quote_is_of_the_PCRs_of_the_list_alone_in_every_bank()
    {
        Add(0, 10);
        Add(1, 17);
        using var quoter = new ManifestQuoter(_list.List);
        ManifestQuote quote = quoter.Take(Data);
        var attest = Attest.Parse(Convert.FromBase64String(quote.Attest), "a quote");
        Assert.Equal(Data, attest.Nonce);
        Assert.Equal(
            [("sha1", 10), ("sha1", 17), ("sha256", 10), ("sha256", 17)],
            attest.Pcrs.Items.Select(item => (item.Bank.Name, item.Pcr)));
        Assert.Equal(3, quote.Entries);
        Assert.Equal(Convert.ToHexStringLower(_list.Pcrs[HashAlgorithm.Sha256, 17]), quote.Pcrs["sha256"]["17"]);
    }

    /// <summary>An access to a file that is known needs the list's lock, and no TPM.</summary>
    [Fact]
    public void Access_does_not_wait_while_the_TPM_signs()
    {
        Add(0, 10);
        using var signing = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        _list.Attester.Signing = () =>
        {
            signing.Set();
            goOn.Wait(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken); // the TPM's timeout is two
        };
        ManifestQuote? quote = null;
        var taking = new Thread(() =>
        {
            using var quoter = new ManifestQuoter(_list.List);
            quote = quoter.Take(Data);
        });
        taking.Start();
        Assert.True(signing.Wait(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        Assert.Equal(StoreOutcome.AlreadyThere, _list.Add(Entry.Number(0)));
        Assert.False(goOn.IsSet);
        Assert.True(taking.IsAlive);
        goOn.Set();
        taking.Join();
        Assert.Equal(2, quote!.Entries);
    }

    [Fact]
    public void Entry_of_the_quote_is_found_among_those_that_came_in_meanwhile()
    {
        Add(10_001, 10);
        Add(10_002, 17);
        var writing = new Thread(() =>
        {
            for (int number = 0; number < 1500; number++)
            {
                Add(number, number % 3 == 2 ? 17 : 10);
            }
        });
        writing.Start();
        using (var quoter = new ManifestQuoter(_list.List))
        using (var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", quoter.Take))
        {
            while (writing.IsAlive)
            {
                _ = sealer.SealClosed();
                Assert.Null(sealer.Fault);
            }
        }

        int later = _list.List.Log.Segments.Where(one => one.Sealed != null).Select(one => one.ReadSealed().Manifest)
            .Count(one => one.Quote != null && one.Quote.Entries > one.End.Entries);
        using var key = QuoteKey.Of(_list.Attester.Key.Public, "a key");
        SegmentReport[] reports = [.. new SegmentVerifier(_list.List.Log.Path, 0, _digests, key).Run()];
        SegmentReport[] signed = [.. reports.Where(report => report.Quoted)];
        Assert.NotEmpty(signed);
        Assert.All(signed, report => Assert.Empty(report.Problems));
        Assert.All(signed, report => Assert.Empty(report.Notes));
        Assert.True(later > 0, $"no entry came in during {signed.Length} quotes");
    }

    [Fact]
    public void No_quote_is_taken_of_PCRs_that_something_else_extends()
    {
        Add(0, 10);
        _list.Attester.Signing = () => _list.Pcrs.Extend(HashAlgorithm.Sha256, 10, new byte[32]);
        using var quoter = new ManifestQuoter(_list.List);
        TpmException refused = Assert.Throws<TpmException>(() => quoter.Take(Data));
        Assert.Contains("after none of the entries 2 to 2: something else extends them", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_that_cannot_quote_seals_all_the_same()
    {
        for (int number = 0; number < 20; number++)
        {
            Add(number, 10);
        }

        _list.Attester.Signing = () => _list.Pcrs.Extend(HashAlgorithm.Sha256, 10, new byte[32]);
        using var quotes = new ImaHost.Daemon.ManifestQuotes(_list.List, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", quotes.Sign);
        Assert.Equal(2, sealer.SealClosed());
        Assert.All(_list.List.Log.Segments.SkipLast(1), one => Assert.Null(one.ReadSealed().Manifest.Quote));
    }

    void Add(int number, int pcr) => Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number) with { Pcr = pcr }));
}
