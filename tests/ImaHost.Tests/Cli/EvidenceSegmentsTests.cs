using System.Globalization;
using ImaHost.Cli;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Cli;

/// <summary>Evidence of a list in segments, the first of which may be erased: verified from a base on, or refused.</summary>
public sealed class EvidenceSegmentsTests : IDisposable
{
    static readonly byte[] Nonce = [1, 2, 3];
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];

    readonly TpmList _list = new(Banks);
    readonly TemporaryDirectory _directory = new();
    readonly DigestSet _digests = new();

    /// <summary>Four sealed segments of four entries, and two entries more.</summary>
    public EvidenceSegmentsTests()
    {
        _list.Settings = _list.Settings with { Limits = new SegmentLimits(4, long.MaxValue) };
        _list.Begin();
        using var quoter = new ManifestQuoter(_list.List);
        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", quoter.Take);
        for (int number = 0; number < 17; number++)
        {
            Entry entry = Entry.Number(number) with { Pcr = number % 6 == 5 ? 17 : 10, IsViolation = number == 3 };
            Assert.Equal(StoreOutcome.Stored, _list.Add(entry));
            _ = sealer.SealClosed();
        }

        Assert.Equal(4, sealer.Count);
    }

    string Path => _list.List.Log.Path;

    string Evidence => _directory.At("evidence");

    public void Dispose()
    {
        _digests.Dispose();
        _directory.Dispose();
        _list.Dispose();
    }

    [Fact]
    public void Whole_list_is_verified_from_its_first_entry_and_from_every_base()
    {
        Take();
        Assert.Empty(Verify().Reasons);
        Assert.Equal(0, Verify().FirstEntry);
        for (int number = 0; number < 4; number++)
        {
            EvidenceReport report = Verify(Base(number));
            Assert.Empty(report.Reasons);
            Assert.Equal(4 * (number + 1), report.FirstEntry);
            Assert.Equal(18, report.List!.Entries);
        }

        Assert.Contains("verified   the TPM vouches for 18 entries", Verify().ToText(), StringComparison.Ordinal);
        Assert.Contains(
            "verified   the TPM vouches for the entries from 8 up to 17, all of that moment, after those of the base",
            Verify(Base(1)).ToText(), StringComparison.Ordinal);
    }

    [Fact]
    public void List_whose_beginning_is_erased_wants_a_base_and_says_what_is_missing()
    {
        Erase(keep: 2);
        Take();
        Assert.Equal(
            "binary_runtime_measurements begins with entry 8: entries 0 to 7 are missing (erased). Who has verified them passes"
            + " the manifest of the segment that ends with entry 7, or of a later one: --base FILE (as in segments/, but from"
            + " where you trust it)",
            Assert.Single(Verify().Reasons));
        Assert.StartsWith(
            "binary_runtime_measurements begins with entry 8: entries 4 to 7 are missing",
            Assert.Single(Verify(Base(0)).Reasons), StringComparison.Ordinal);
        foreach ((int number, long first) in ((int, long)[])[(1, 8), (2, 12), (3, 16)])
        {
            EvidenceReport report = Verify(Base(number));
            Assert.Empty(report.Reasons);
            Assert.Equal(first, report.FirstEntry);
        }

        // What nobody can follow any more is said, and what the quote of the last erased one proves is not.
        string[] claims = [.. Verify(Base(1)).Checks.Where(check => check.File.StartsWith("segments", StringComparison.Ordinal)).Select(check => check.Claim)];
        Assert.Equal(4, claims.Length);
        Assert.Contains("are not here; its quote was taken after entry 5", claims[0], StringComparison.Ordinal);
        Assert.EndsWith("are not here", claims[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Any_byte_of_place_and_manifests_that_was_changed_is_told_with_its_file()
    {
        Erase(keep: 2);
        TrustedBase known = Base(1);
        Take();
        string[] files = [.. Directory.GetFiles(System.IO.Path.Combine(Evidence, "segments")), System.IO.Path.Combine(Evidence, EvidenceFiles.Place)];
        Assert.Equal(5, files.Length);
        foreach (string file in files)
        {
            byte[] bytes = File.ReadAllBytes(file);
            for (int at = 0; at < bytes.Length; at += file.EndsWith(EvidenceFiles.Place, StringComparison.Ordinal) ? 1 : 13)
            {
                byte[] changed = [.. bytes];
                changed[at] ^= 1;
                File.WriteAllBytes(file, changed);
                Assert.False(Verify(known).Verified, $"byte {at} of {file}");
            }

            File.WriteAllBytes(file, bytes);
        }

        Assert.True(Verify(known).Verified);
    }

    [Fact]
    public void Base_of_another_list_or_of_a_later_time_is_refused()
    {
        Take();
        TrustedBase good = Base(1);
        TrustedBase foreign = good with { Manifest = good.Manifest with { PcrsAfter = Base(2).Manifest.PcrsAfter } };
        Assert.StartsWith("binary_runtime_measurements does not agree", Verify(foreign).Reasons[0], StringComparison.Ordinal);
        Assert.Contains("segments/00000001.json is another than the base", Verify(good with { Digest = "sha256:00" }).Reasons);
        TrustedBase late = good with { Manifest = good.Manifest with { FirstEntry = 100, FirstByte = 100_000 } };
        Assert.Equal(
            "binary_runtime_measurements ends with entry 17, and the base with entry 103: it is too old for that base", Assert.Single(Verify(late).Reasons));
        TrustedBase askew = good with { Manifest = good.Manifest with { FirstByte = 1_000_000 } };
        Assert.Contains("which does not go with the base", Assert.Single(Verify(askew).Reasons), StringComparison.Ordinal);
        TrustedBase lacking = good with { Manifest = good.Manifest with { PcrsAfter = new PcrTable { ["sha1"] = [] } } };
        Assert.Contains("in bank sha256, of which the base has no values", Assert.Single(Verify(lacking).Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Manifests_that_are_dropped_are_named()
    {
        Take();
        File.Delete(ManifestAt(1));
        Assert.Equal(
            ["segments/00000002.json follows segment 1, whose manifest is missing or is none"], Verify().Reasons);
        File.Delete(ManifestAt(0));
        Assert.Equal(
            ["segments/00000002.json follows segment 1, whose manifest is missing or is none"], Verify().Reasons);
        Assert.Contains("no manifests hold it up to there", Assert.Single(Verify(Base(1)).Reasons), StringComparison.Ordinal);
    }

    /// <summary>Each is spelled as a manifest, so that only what it says can give it away.</summary>
    [Theory]
    [InlineData("first_byte", -1, "first_byte is -1, and can be 0 to ")]
    [InlineData("bytes", long.MaxValue, "bytes is 9223372036854775807, and can be 0 to ")]
    [InlineData("entries", -4, "entries is -4, and can be 0 to ")]
    [InlineData("first_entry", long.MinValue, "first_entry is -9223372036854775808, and can be 0 to ")]
    [InlineData("bytes", 1L << 40, "does not have them so")]
    [InlineData("entries", 3, "it has 3 entries")]
    [InlineData("entries", 1, "the manifest counts other bytes, violations or kernel's entries than it has")]
    [InlineData("ascii_bytes", 7, "the manifest counts other bytes, violations or kernel's entries than it has")]
    [InlineData("violations", 2, "the manifest counts other bytes, violations or kernel's entries than it has")]
    [InlineData("pcr", 24, "pcr is 24, and can be 0 to 23")]
    [InlineData("first_ascii_byte", 1, "it does not begin where segment 2 ends")]
    public void Numbers_of_a_manifest_that_are_wrong_are_named(string member, long value, string said)
    {
        Take();
        string text = File.ReadAllText(ManifestAt(3));
        int at = text.IndexOf($"\"{member}\":", StringComparison.Ordinal) + member.Length + 3;
        int end = text.IndexOf(',', at);
        File.WriteAllText(ManifestAt(3), text[..at] + value.ToString(CultureInfo.InvariantCulture) + text[end..]);
        string reason = Assert.Single(Verify().Reasons);
        Assert.StartsWith("segments/00000003.json ", reason, StringComparison.Ordinal);
        if (member != "entries" || value < 0)
        {
            Assert.Contains(said, reason, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("\"padded\":[]", "\"padded\":[null]")]
    [InlineData("\"padded\":[]", "\"padded\":null")]
    [InlineData("\"list\":\"", "\"list\":null,\"x\":\"")]
    [InlineData("\"pcrs_before\":{", "\"pcrs_before\":{\"md5\":{},")]
    [InlineData("\"pcrs_after\":{", "\"pcrs_after\":{\"sha384\":null,")]
    [InlineData("\"attest\":\"", "\"attest\":null,\"attest\":\"")]
    public void Members_of_a_manifest_that_are_none_are_named(string from, string to)
    {
        Take();
        string text = File.ReadAllText(ManifestAt(3));
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(ManifestAt(3), text.Replace(from, to, StringComparison.Ordinal));
        Assert.StartsWith("segments/00000003.json ", Assert.Single(Verify().Reasons), StringComparison.Ordinal);
    }

    /// <summary>Whole and unsigned, in order, about the right bytes: but not of these PCRs.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Manifest_that_tells_of_other_PCRs_is_named(bool isBefore)
    {
        Take();
        Manifest manifest = Manifest.Read(File.ReadAllBytes(ManifestAt(3))) with { Quote = null };
        PcrTable table = isBefore ? manifest.PcrsBefore : manifest.PcrsAfter;
        table["sha1"]["10"] = new string('0', 40);
        File.WriteAllBytes(ManifestAt(3), manifest.ToBytes());
        Assert.Contains(isBefore ? "the PCRs before it are not those after segment 2" : "PCR 10 of sha1 is ", Assert.Single(Verify().Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Place_that_cannot_be_is_refused()
    {
        Take();
        string path = System.IO.Path.Combine(Evidence, EvidenceFiles.Place);
        var place = EvidencePlace.Read(File.ReadAllBytes(path));
        foreach ((EvidencePlace wrong, string said) in ((EvidencePlace, string)[])[
            (place with { FirstEntry = -1 }, "has a number that no list can have"),
            (place with { Bytes = long.MaxValue }, "has a number that no list can have"),
            (place with { FirstEntry = 1 }, "tells of entries without bytes"),
            (place with { Bytes = place.Bytes + 1 }, "; evidence.json says "),
            (place with { Entries = place.Entries - 1 }, " bytes and entry 16"),
            (place with { Schema = "imahost-evidence/2" }, "has not the schema imahost-evidence/1")])
        {
            File.WriteAllBytes(path, wrong.ToBytes());
            Assert.Contains(said, Assert.Single(Verify().Reasons), StringComparison.Ordinal);
        }

        File.WriteAllText(path, "null");
        Assert.StartsWith("evidence.json has not the schema", Assert.Single(Verify().Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Base_that_is_no_manifest_is_refused_with_its_name()
    {
        string path = _directory.Write("base.json", "{}");
        Assert.StartsWith($"--base {path}: ", Assert.Throws<ConfigurationException>(() => TrustedBase.Read(path)).Message, StringComparison.Ordinal);
    }

    void Erase(int keep)
    {
        using var retention = new ListRetention(_list.List, new ListWindow(_list.List.Log));
        Assert.Equal(4 - keep, retention.Apply(new Retention(RetentionKind.Keep, keep), null).Count);
    }

    void Take()
    {
        _ = Directory.CreateDirectory(Evidence);
        ListQuote found = new ListQuotes(_list.List).Take(Nonce);
        QuoteFiles.Write(Evidence, found.Quote);
        _ = EvidenceFiles.WriteList(Evidence, found);
        Assert.Equal(4, EvidenceFiles.CopyManifests(Evidence, found.Path, found.Bytes));
    }

    string ManifestAt(int number) => SegmentFiles.Manifest(System.IO.Path.Combine(Evidence, "segments"), number);

    TrustedBase Base(int number) => TrustedBase.Read(SegmentFiles.Manifest(Path, number));

    EvidenceReport Verify(TrustedBase? known = null)
    {
        using var key = QuoteKey.Of(_list.Attester.Key.Public, "ak");
        var verifier = new EvidenceVerifier(Evidence, key, Nonce, known);
        verifier.Run(ignoreViolations: true);
        return EvidenceReport.Make(Evidence, verifier);
    }
}
