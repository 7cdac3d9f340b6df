using System.Diagnostics;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Segments;

/// <summary>A quote in a manifest holds the manifest and the list together; whatever comes between is seen and named.</summary>
public sealed class SignedManifestTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];

    readonly TpmList _list = new(Banks);
    readonly DigestSet _digests = new();
    readonly QuoteKey _key;

    public SignedManifestTests()
    {
        _list.Settings = _list.Settings with { Limits = new SegmentLimits(4, long.MaxValue) };
        _list.Begin();
        _key = QuoteKey.Of(_list.Attester.Key.Public, "a key");
        using var quoter = new ManifestQuoter(_list.List);
        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", quoter.Take);
        for (int number = 0; number < 14; number++)
        {
            Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number)));
            _ = number % 3 == 2 ? sealer.SealClosed() : 0;
        }

        Assert.Equal([7L, 10, 13], Manifests.Select(one => one.Quote!.Entries));
    }

    string Path => _list.List.Log.Path;

    Manifest[] Manifests => [.. _list.List.Log.Segments.Where(one => one.Sealed != null).Select(one => one.ReadSealed().Manifest)];

    public void Dispose()
    {
        _key.Dispose();
        _list.Dispose();
        _digests.Dispose();
    }

    [Fact]
    public void Quotes_verify_after_entries_that_followed_the_segment()
    {
        Assert.All(Verify(), report => Assert.Empty(report.Problems));
        Assert.All(Verify(), report => Assert.Empty(report.Notes));
        Assert.Equal((0, "3 segments verified\n3 quotes verified\n"), Python());
    }

    /// <summary>What the list says was never in that TPM: each digest and each signature is right.</summary>
    [Fact]
    public void PCRs_to_which_the_list_does_not_lead_are_named()
    {
        Sign(2, pcrs: Wrong(HashAlgorithm.Sha256, 10));
        Require(2, "the TPM has quoted PCR 10 of sha256 as 0707");
        Assert.Equal(1, Python().Status);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(14)]
    public void Entry_number_that_is_not_that_of_the_quote_is_named(long entries)
    {
        Change(2, manifest => manifest with { Quote = manifest.Quote! with { Entries = entries } });
        Require(2, $"after entry {entries}, when its quote was taken, but the list gives");
        Assert.Equal(1, Python().Status);
    }

    [Fact]
    public void Quote_of_a_moment_before_the_segment_ended_is_named()
    {
        Change(2, manifest => manifest with { Quote = manifest.Quote! with { Entries = 11 } });
        Require(2, "its quote is of a moment after entry 11, before the segment ends (12)");
        Assert.Equal(1, Python().Status);
    }

    [Fact]
    public void Values_beside_the_quote_are_those_that_it_is_about()
    {
        Change(2, manifest =>
        {
            string value = manifest.Quote!.Pcrs["sha1"]["10"];
            manifest.Quote.Pcrs["sha1"]["10"] = new string('0', value.Length);
            return manifest;
        });
        Require(2, "its quote is about other values than stand beside it");
        Assert.Equal(1, Python().Status);
        Change(2, manifest => manifest with { Quote = manifest.Quote! with { Pcrs = new PcrTable { ["sha1"] = manifest.Quote.Pcrs["sha1"] } } });
        Require(2, "no PCR 10 in its sha256 bank");
    }

    [Fact]
    public void PCR_or_bank_of_the_list_that_is_not_quoted_is_named()
    {
        Sign(2, banks: [HashAlgorithm.Sha256]);
        Require(2, "its quote is not about PCR 10 of sha1");
        Sign(2, numbers: [11]);
        Require(2, "its quote is not about PCR 10 of sha1");
    }

    /// <summary>A host answers any nonce; the digest of a manifest that somebody made up is none.</summary>
    [Fact]
    public void Answer_to_a_nonce_is_never_the_quote_of_a_manifest()
    {
        Manifest forged = Manifests[2] with { Time = DateTime.UnixEpoch, Quote = null };
        byte[] data = forged.QualifyingData(_digests);
        Assert.False(QuoteRequests.TryReadNonce(Convert.ToHexStringLower(data), out _, out string why));
        Assert.Contains("manifests of segments are signed with such bytes", why, StringComparison.Ordinal);

        byte[] digest = data[2..];
        Assert.True(QuoteRequests.TryReadNonce(Convert.ToHexStringLower(digest), out byte[] nonce, out _));
        Quote answer = _list.Attester.Key.Quote(nonce, Banks, [10], _list.Pcrs.TryGet);
        Change(2, _ => forged with { Quote = ManifestQuote.Of(answer.Message, answer.Signature, answer.Key, 15, answer.Pcrs) });
        Require(2, "its quote is one of another manifest, or this one was changed");
        Assert.Equal(1, Python().Status);

        // With the bytes that are refused it would have passed.
        Quote signed = _list.Attester.Key.Quote(data, Banks, [10], _list.Pcrs.TryGet);
        Change(2, _ => forged with { Quote = ManifestQuote.Of(signed.Message, signed.Signature, signed.Key, 15, signed.Pcrs) });
        Assert.All(Verify(), report => Assert.Empty(report.Problems));
    }

    [Fact]
    public void What_cannot_be_followed_any_more_is_said_and_is_no_fault()
    {
        File.Delete(SegmentFiles.Data(Path, 3));
        SegmentReport last = Verify()[2];
        Assert.Empty(last.Problems);
        Assert.Equal(
            "its quote was taken after entry 13, and of those that follow the segment only 0 are here: that it leads there cannot be verified any more",
            Assert.Single(last.Notes));
        Assert.Equal(0, Python().Status);
    }

    /// <summary>The entries are gone, and the TPM still shows that the PCRs held what the last manifest of them says.</summary>
    [Fact]
    public void PCRs_after_what_was_erased_are_still_held_to_the_quote()
    {
        using (var retention = new ListRetention(_list.List, new ListWindow(_list.List.Log)))
        {
            Assert.Equal(2, retention.Apply(new Retention(RetentionKind.Keep, 1), null).Count);
        }

        SegmentReport[] reports = Verify();
        Assert.Equal(["erased", "erased", "sealed", "open"], reports.Select(report => report.State));
        Assert.All(reports, report => Assert.Empty(report.Problems));
        Assert.Single(reports[0].Notes);
        Assert.Empty(reports[1].Notes);
        Sign(1, pcrs: Wrong(HashAlgorithm.Sha1, 10), entries: 10);
        Require(1, "the TPM has quoted PCR 10 of sha1 as 0707");
    }

    SegmentReport[] Verify() => [.. new SegmentVerifier(Path, 0, _digests, _key).Run()];

    void Require(int number, string problem) => Assert.Contains(
        Verify()[number].Problems, one => one.Contains(problem, StringComparison.Ordinal));

    PcrSource Wrong(HashAlgorithm where, int which) => (HashAlgorithm bank, int pcr, out Digest value) =>
    {
        bool isThere = _list.Pcrs.TryGet(bank, pcr, out value);
        value = bank == where && pcr == which ? new Digest(bank, Enumerable.Repeat((byte)7, bank.Size).ToArray()) : value;
        return isThere;
    };

    /// <summary>Puts another quote into a manifest, of the moment at which the list ends.</summary>
    void Sign(int number, PcrSource? pcrs = null, HashAlgorithm[]? banks = null, int[]? numbers = null, long entries = 15) =>
        Change(number, manifest =>
        {
            Quote made = _list.Attester.Key.Quote(
                manifest.QualifyingData(_digests), banks ?? Banks, numbers ?? [10], pcrs ?? _list.Pcrs.TryGet);
            return manifest with { Quote = ManifestQuote.Of(made.Message, made.Signature, made.Key, entries, made.Pcrs) };
        });

    void Change(int number, Func<Manifest, Manifest> change)
    {
        byte[] bytes = change(Manifest.Read(File.ReadAllBytes(SegmentFiles.Manifest(Path, number)))).ToBytes();
        File.WriteAllBytes(SegmentFiles.Manifest(Path, number), bytes);
        string data = SegmentFiles.Data(Path, number);
        string digest = File.Exists(data) ? _digests.Hash(HashAlgorithm.Sha256, File.ReadAllBytes(data)).ToString() : "";
        File.WriteAllText(
            SegmentFiles.Detached(Path, number),
            SegmentFiles.DetachedText(number, digest, _digests.Hash(HashAlgorithm.Sha256, bytes).ToString()));
    }

    (int Status, string Said) Python()
    {
        (int segments, string said) = Python("segment_verify.py");
        (int quotes, string more) = Python("segment_quotes.py");
        return (Math.Max(segments, quotes), said + more);
    }

    (int Status, string Said) Python(string script)
    {
        using Process python = Process.Start(new ProcessStartInfo(
            "python3", [Repository.Locate("tests", script), Path]) { RedirectStandardOutput = true })!;
        string said = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        return (python.ExitCode, said);
    }
}
