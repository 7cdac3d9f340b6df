using ImaHost.Cli;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Cli;

/// <summary>Evidence about a list that a kernel wrote, which uses PCRs 10, 11 and 23, and what is wrong with it.</summary>
public sealed class EvidenceVerifierTests : IDisposable
{
    static readonly byte[] Nonce = [1, 2, 3];
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];
    static readonly int[] Pcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 23];

    readonly KernelVector _vector = KernelVector.Open("rule-pcr-template");
    readonly TemporaryDirectory _directory = new();
    readonly SoftQuote _tpm = new();

    public static TheoryData<string> Files =>
    [
        QuoteFiles.Message, QuoteFiles.Signature, QuoteFiles.Pcrs, QuoteFiles.PcrText, QuoteFiles.Key, QuoteFiles.KeyPem,
        EvidenceFiles.Binary, EvidenceFiles.Ascii, EvidenceFiles.Place,
    ];

    [Fact]
    public void Evidence_is_verified_with_every_file_looked_at()
    {
        Write(Pcrs);

        EvidenceReport report = Verify();

        Assert.Empty(report.Reasons);
        Assert.Equal(8, report.List!.Entries);
        Assert.Empty(report.Others);
        Assert.Equal(
            Files.Select(row => row.Data).Order(), report.Checks.Select(check => check.File).Distinct().Order());
        Assert.Contains("verified   the TPM vouches for 8 entries", report.ToText(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Any_byte_that_was_changed_is_told_with_its_file(string name)
    {
        Write(Pcrs);
        byte[] bytes = File.ReadAllBytes(_directory.At(name));
        for (int at = 0; at < bytes.Length; at += Math.Max(1, bytes.Length / 200))
        {
            byte[] changed = [.. bytes];
            changed[at] ^= 1;
            File.WriteAllBytes(_directory.At(name), changed);
            EvidenceReport report = Verify();
            Assert.False(report.Verified, $"offset {at} of {name}");
            Assert.Contains(report.Reasons, reason => reason.Contains(name, StringComparison.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void File_that_is_missing_or_empty_is_told(string name)
    {
        Write(Pcrs);
        File.WriteAllBytes(_directory.At(name), []);
        Assert.Contains(Verify().Reasons, reason => reason.StartsWith(name, StringComparison.Ordinal));

        File.Delete(_directory.At(name));
        Assert.Contains($"{name} is not there", Verify().Reasons);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Pipe_in_place_of_a_file_is_not_waited_for(string name)
    {
        Write(Pcrs);
        File.Delete(_directory.At(name));
        Child.Run("mkfifo", _directory.At(name));
        Assert.Contains($"{name} is not there", Verify().Reasons);
    }

    [Fact]
    public void Older_list_and_longer_list_are_refused()
    {
        Write(Pcrs);
        byte[] list = _vector.Binary;
        int last = Boundary(list, 7);
        File.WriteAllBytes(_directory.At(EvidenceFiles.Binary), list[..last]);
        Assert.StartsWith("binary_runtime_measurements does not agree: no part", Verify().Reasons[0], StringComparison.Ordinal);

        File.WriteAllBytes(_directory.At(EvidenceFiles.Binary), [.. list, .. list[..Boundary(list, 1)]]);
        Assert.Equal(
            "binary_runtime_measurements does not agree: 1 entries follow those that the PCRs vouch for (--exact)",
            Verify().Reasons[0]);
    }

    [Fact]
    public void Entries_do_not_vanish_with_a_PCR_that_is_not_quoted()
    {
        Write([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        Assert.Equal(
            "binary_runtime_measurements extends PCR 23, which quote.msg is not about", Verify().Reasons[0]);
    }

    [Fact]
    public void Entries_do_not_vanish_from_the_list_while_their_PCR_is_quoted()
    {
        Write(Pcrs);
        byte[] list = _vector.Binary;
        byte[][] kept =
        [
            .. Enumerable.Range(0, 8).Select(number => list[Boundary(list, number)..Boundary(list, number + 1)])
                .Where(record => record[0] != 23),
        ];
        Assert.NotEqual(8, kept.Length);
        File.WriteAllBytes(_directory.At(EvidenceFiles.Binary), [.. kept.SelectMany(record => record)]);
        Assert.Equal(
            "binary_runtime_measurements has no entry of PCR 23, which quote.pcrs shows extended", Verify().Reasons[0]);
    }

    [Fact]
    public void Quote_about_no_PCR_proves_nothing()
    {
        Write([]);
        Assert.Equal(["quote.pcrs holds no value, and quote.msg is about none"], Verify().Reasons);
    }

    [Fact]
    public void Violations_are_refused_unless_they_are_ignored()
    {
        Write(Pcrs);
        Assert.Contains("1 violations", Assert.Single(Verify(ignoreViolations: false).Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_nobody_looks_at_are_named()
    {
        Write(Pcrs);
        _ = _directory.Write("notes.txt", "{}");
        EvidenceReport report = Verify();
        Assert.True(report.Verified);
        Assert.Equal(["notes.txt"], report.Others);
    }

    [Fact]
    public void Manifest_that_is_none_is_named()
    {
        Write(Pcrs);
        _ = _directory.Write("segments/00000000.json", "{}");
        Assert.Contains("segments/00000000.json ", Assert.Single(Verify().Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void List_in_segments_is_joined_and_its_manifests_come_along()
    {
        byte[] list = _vector.Binary;
        int middle = Boundary(list, 3);
        File.WriteAllBytes(_directory.Write("list/00000000.ima", ""), list[..middle]);
        File.WriteAllBytes(_directory.Write("list/00000001.ima", ""), [.. list[middle..], 1, 2, 3]);
        _ = _directory.Write("list/00000000.json", "{}");
        _ = _directory.Write("evidence/x", "");
        var found = new ListQuote(Quote(Pcrs), 8, list.Length, _directory.At("list"));

        EvidenceFiles.WriteList(_directory.At("evidence"), found);

        Assert.Equal(list, File.ReadAllBytes(_directory.At("evidence", EvidenceFiles.Binary)));
        Assert.Equal(1, EvidenceFiles.CopyManifests(_directory.At("evidence"), _directory.At("list"), list.Length));
        Assert.True(File.Exists(_directory.At("evidence", "segments", "00000000.json")));
        Assert.Throws<IOException>(
            () => EvidenceFiles.WriteList(_directory.At("evidence"), found with { Bytes = list.Length + 4 }));
    }

    [Fact]
    public void Manifests_of_segments_that_end_after_what_was_quoted_stay_behind()
    {
        using var fixture = new ListFixture(segment: 3);
        for (int number = 0; number < 9; number++)
        {
            _ = fixture.Add(Entry.Number(number));
        }

        using var sealer = new ListSealer(fixture.List, fixture.Settings, "1.2.3", quotes: null);
        Assert.Equal(3, sealer.SealClosed());
        LogExtent second = fixture.List.Log.Segments[1].End!.Value;
        for (int less = 0; less < 2; less++)
        {
            string into = _directory.At($"evidence-{less}");
            _ = Directory.CreateDirectory(into);
            Assert.Equal(2 - less, EvidenceFiles.CopyManifests(into, fixture.List.Log.Path, second.BinaryBytes - less));
            Assert.Equal(2 - less, Directory.GetFiles(Path.Combine(into, "segments")).Length);
        }
    }

    public void Dispose()
    {
        _tpm.Dispose();
        _directory.Dispose();
    }

    static int Boundary(byte[] list, int number)
    {
        var reader = new LogReader(KernelVector.Source(list));
        while (reader.Next(out _) && reader.Number < number)
        {
        }

        return (int)reader.Offset;
    }

    Quote Quote(int[] pcrs) => _tpm.Quote(Nonce, Banks, pcrs, _vector.ReadPcrs().TryGet);

    void Write(int[] pcrs)
    {
        string list = _directory.At("list");
        File.WriteAllBytes(list, _vector.Binary);
        var found = new ListQuote(Quote(pcrs), 8, _vector.Binary.Length, list);
        QuoteFiles.Write(_directory.Root, found.Quote);
        EvidenceFiles.WriteList(_directory.Root, found);
        File.Delete(list);
    }

    EvidenceReport Verify(bool ignoreViolations = true)
    {
        using var key = QuoteKey.Of(_tpm.Public, "ak");
        var verifier = new EvidenceVerifier(_directory.Root, key, Nonce);
        verifier.Run(ignoreViolations);
        return EvidenceReport.Make(_directory.Root, verifier);
    }
}
