using System.Diagnostics;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>How long an entry waits while segments are sealed and signed, with a TPM that is slow.</summary>
public sealed class SealingWaitTests : IDisposable
{
    const int CommandMilliseconds = 30;
    const int KeyMilliseconds = 3000;

    /// <summary>The extend itself, and TPM2_ContextLoad, TPM2_Quote and TPM2_FlushContext before it.</summary>
    const int MostCommands = 4;

    /// <summary>What a busy machine may add; far less than making a key takes.</summary>
    const int NoiseMilliseconds = 1500;

    readonly TemporaryDirectory _directory = new();
    readonly StateDirectory _state;
    readonly SlowTpm _tpm = new(code => code == SlowTpm.CreatePrimary ? KeyMilliseconds : CommandMilliseconds);

    public SealingWaitTests() => _state = new StateDirectory(_directory.At("state"));

    public void Dispose()
    {
        _tpm.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("ecc")]
    [InlineData("rsa")]
    public void No_entry_waits_for_more_than_one_quote_while_segments_are_sealed(string key)
    {
        using var commands = new TpmCommands(_tpm.Name, 10_000);
        ListSettings settings = Settings(commands, key);
        using RuntimeMeasurements list = ListStore.Begin(_state, commands, settings);
        _ = new ListQuotes(list).PrepareKey();
        int prepared = _tpm.Sent.Length;
        using var quoter = new ManifestQuoter(list);
        using var sealer = new ListSealer(list, settings, "1.2.3", quoter.Take);
        bool isOver = false;
        var sealing = new Thread(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                _ = sealer.SealClosed();
                Thread.Sleep(5);
            }
        });
        sealing.Start();
        double longest = Enumerable.Range(0, 40).Max(number => Add(list, number));
        Volatile.Write(ref isOver, true);
        sealing.Join();

        uint[] sent = _tpm.Sent[prepared..];
        Assert.True(sealer.Count >= 5 && sealer.Fault == null, $"{sealer.Count} segments: {sealer.Fault}");
        Assert.All(
            Enumerable.Range(0, sealer.Count),
            number => Assert.NotNull(Manifest.Read(File.ReadAllBytes(SegmentFiles.Manifest(list.Log.Path, number))).Quote));
        Assert.Equal(sealer.Count, sent.Count(code => code == SlowTpm.Quote));
        Assert.DoesNotContain(SlowTpm.CreatePrimary, sent);
        Assert.DoesNotContain(SlowTpm.PcrRead, sent);
        Assert.InRange(longest, CommandMilliseconds, (MostCommands * CommandMilliseconds) + NoiseMilliseconds);
        TestContext.Current.TestOutputHelper?.WriteLine($"{key}: the longest of 40 entries took {longest:f0} ms across {sealer.Count} seals");
    }

    /// <summary>A host that is killed costs nobody the time that the key took.</summary>
    [Fact]
    public void Next_host_quotes_by_the_key_that_was_made_before_it()
    {
        MadeKey? made;
        byte[] key;
        using (var first = new TpmCommands(_tpm.Name, 10_000))
        using (RuntimeMeasurements list = ListStore.Begin(_state, first, Settings(first, "ecc")))
        {
            made = new ListQuotes(list).PrepareKey();
            key = new ListQuotes(list).Take([1]).Quote.Key.Sized;
        }

        int before = _tpm.Sent.Length;
        using var next = new TpmCommands(_tpm.Name, 10_000);
        using RuntimeMeasurements resumed = ListStore.Resume(_state, next, Settings(next, "ecc") with { MadeKey = made });
        Quote quote = new ListQuotes(resumed).Take([2]).Quote;

        Assert.Null(quote.Fault([2]));
        Assert.Equal(key, quote.Key.Sized);
        Assert.DoesNotContain(SlowTpm.CreatePrimary, _tpm.Sent[before..]);
    }

    /// <summary>The values of an earlier quote are not taken for true for ever.</summary>
    [Fact]
    public void PCR_of_the_boot_that_changed_meanwhile_is_read_again()
    {
        using var commands = new TpmCommands(_tpm.Name, 10_000);
        using RuntimeMeasurements list = ListStore.Begin(_state, commands, Settings(commands, "ecc"));
        _ = new ListQuotes(list).Take([1]);
        using (var others = new TpmCommands(_tpm.Name, 10_000))
        {
            list.ReleaseTpm();
            HashAlgorithm[] banks = [.. others.ReadBanks()];
            others.Extend(7, [.. banks.Select(bank => new Digest(bank, new byte[bank.Size]))]);
        }

        Assert.Null(new ListQuotes(list).Take([2]).Quote.Fault([2]));
        Assert.Null(list.Fault);
    }

    static ListSettings Settings(TpmCommands commands, string key) =>
        new(commands.ReadBanks(), 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false, key)
        {
            Limits = new SegmentLimits(5, long.MaxValue),
        };

    static double Add(RuntimeMeasurements list, int number)
    {
        long begun = Stopwatch.GetTimestamp();
        Assert.Equal(StoreOutcome.Stored, list.Add(TemplateDescriptor.ImaSig, Entry.Number(number).Data(), 10, EntryKind.Measurement));
        return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
    }
}
