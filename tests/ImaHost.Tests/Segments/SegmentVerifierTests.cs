using System.Diagnostics;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Segments;

/// <summary>
/// What is wrong with segments is seen and named, by the product and by a verifier that was written from the description
/// of the formats alone.
/// </summary>
public sealed class SegmentVerifierTests : IDisposable
{
    const int Sealed = 4;

    readonly ListFixture _fixture = new(segment: 2);
    readonly DigestSet _digests = new();
    readonly TemporaryDirectory _copies = new();

    public SegmentVerifierTests()
    {
        for (int number = 0; number < 2 * Sealed; number++)
        {
            _ = _fixture.Add(Entry.Number(number) with { IsViolation = number == 3, Pcr = number == 5 ? 17 : 10 });
        }

        using var sealer = new ListSealer(_fixture.List, _fixture.Settings, "1.2.3", quotes: null);
        Assert.Equal(Sealed, sealer.SealClosed());
    }

    string List => _fixture.List.Log.Path;

    public void Dispose()
    {
        _fixture.Dispose();
        _digests.Dispose();
        _copies.Dispose();
    }

    [Fact]
    public void Sealed_segments_verify_each_from_its_manifest_on()
    {
        for (int first = 0; first <= Sealed; first++)
        {
            SegmentReport[] reports = [.. new SegmentVerifier(List, first, _digests).Run()];
            Assert.Equal(Enumerable.Range(first, Sealed + 1 - first), reports.Select(report => report.Segment));
            Assert.All(reports, report => Assert.Empty(report.Problems));
            Assert.Equal((0, ""), Python(List, first));
        }
    }

    [Fact]
    public void Changing_any_byte_of_any_file_is_seen_and_the_segment_named()
    {
        int tried = 0;
        for (int number = 0; number < Sealed; number++)
        {
            foreach (string file in Files(List, number))
            {
                byte[] bytes = File.ReadAllBytes(file);
                for (int at = 0; at < bytes.Length; at++)
                {
                    bytes[at] ^= (byte)(1 << (at % 8));
                    File.WriteAllBytes(file, bytes);
                    Assert.True(IsNamed(List, number), $"byte {at} of {file}");
                    bytes[at] ^= (byte)(1 << (at % 8));
                    tried++;
                }

                File.WriteAllBytes(file, bytes);
            }
        }

        Assert.True(tried > 3000, $"{tried}");
        Assert.All(new SegmentVerifier(List, 0, _digests).Run(), report => Assert.Empty(report.Problems));
    }

    /// <summary>A process for each byte is slow: every hundredth.</summary>
    [Fact]
    public void The_other_verifier_sees_changed_bytes_too()
    {
        for (int number = 0; number < Sealed; number++)
        {
            foreach (string file in Files(List, number))
            {
                byte[] bytes = File.ReadAllBytes(file);
                for (int at = number; at < bytes.Length; at += 97)
                {
                    bytes[at] ^= 2;
                    File.WriteAllBytes(file, bytes);
                    (int status, string said) = Python(List, 0);
                    Assert.True(status == 1 && said.Contains($"segment {number}", StringComparison.Ordinal), $"byte {at} of {file}: {said}");
                    bytes[at] ^= 2;
                }

                File.WriteAllBytes(file, bytes);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_segment_that_is_dropped_is_named(int number)
    {
        string copy = Copy();
        Files(copy, number).ForEach(File.Delete);
        Require(copy, number, $"no segment {number}: ");
        Assert.Equal(1, Python(copy, 0).Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Bytes_that_are_dropped_are_named(int number)
    {
        string copy = Copy();
        File.Delete(SegmentFiles.Data(copy, number));
        if (number == 0)
        {
            // All before it are gone too: erased, which is no fault.
            Assert.Equal("erased", new SegmentVerifier(copy, 0, _digests).Run().First().State);
            return;
        }

        Require(copy, number, "nothing says that it was erased");
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(1, 3)]
    public void Segments_that_changed_places_are_named(int one, int other)
    {
        string copy = Copy();
        foreach ((string a, string b) in Files(copy, one).Zip(Files(copy, other)))
        {
            File.Move(a, a + ".x");
            File.Move(b, a);
            File.Move(a + ".x", b);
        }

        Require(copy, one, $"it is that of segment {other}");
        Require(copy, other, $"it is that of segment {one}");
        Assert.Equal(1, Python(copy, 0).Status);
    }

    [Fact]
    public void A_segment_of_another_list_is_named_though_it_is_whole()
    {
        using var other = new ListFixture(segment: 2);
        for (int number = 100; number < 110; number++)
        {
            _ = other.Add(Entry.Number(number));
        }

        using var sealer = new ListSealer(other.List, other.Settings, "1.2.3", quotes: null);
        _ = sealer.SealClosed();
        string copy = Copy();
        foreach ((string from, string to) in Files(other.List.Log.Path, 2).Zip(Files(copy, 2)))
        {
            File.Copy(from, to, overwrite: true);
        }

        Require(copy, 2, "manifest: it follows sha256:");
        Assert.Equal(1, Python(copy, 0).Status);
    }

    [Fact]
    public void Segments_that_are_not_sealed_are_replayed_behind_the_others()
    {
        string copy = Copy();
        File.Delete(SegmentFiles.Manifest(copy, 3));
        SegmentReport[] reports = [.. new SegmentVerifier(copy, 0, _digests, growing: 2).Run()];
        Assert.Equal([0L, 2, 4, 6, 8], reports.Select(report => report.FirstEntry));
        Assert.Equal(["sealed", "sealed", "sealed", "open", "open"], reports.Select(report => report.State));
        Assert.All(reports, report => Assert.Empty(report.Problems));
        File.WriteAllBytes(SegmentFiles.Data(copy, 3), File.ReadAllBytes(SegmentFiles.Data(copy, 3))[..^1]);
        Require(copy, 3, "bytes are no whole record");
    }

    /// <summary>The last one grows, and where a host runs sealing of the one before it may be under way; of others it is gone.</summary>
    [Theory]
    [InlineData(0, 1, true)]
    [InlineData(2, 1, true)]
    [InlineData(3, 1, true)]
    [InlineData(0, 2, true)]
    [InlineData(2, 2, true)]
    [InlineData(3, 2, false)]
    public void A_manifest_that_is_dropped_is_named(int number, int growing, bool isNamed)
    {
        string copy = Copy();
        File.Delete(SegmentFiles.Manifest(copy, number));
        SegmentReport[] reports = [.. new SegmentVerifier(copy, 0, _digests, growing: growing).Run()];
        Assert.Equal(isNamed, reports[number].Problems.Any(one => one.Contains("its manifest is missing", StringComparison.Ordinal)));
        Assert.DoesNotContain(reports[Sealed].Problems, one => one.Contains("its manifest is missing", StringComparison.Ordinal));
        (int status, string said) = Python(copy, 0);
        Assert.Equal(1, status);
        Assert.Contains($"segment {number} is not sealed", said, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_is_dropped_is_named_whoever_writes_when_each_must_be_signed()
    {
        string copy = Copy();
        File.Delete(SegmentFiles.Manifest(copy, 3));
        using var tpm = new SoftQuote();
        using var key = QuoteKey.Of(tpm.Public, "a key");
        SegmentReport[] reports = [.. new SegmentVerifier(copy, 0, _digests, key, growing: 2).Run()];
        Assert.Contains(reports[3].Problems, one => one.Contains("its manifest is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void Beginning_behind_the_end_is_an_error()
    {
        SegmentReport report = Assert.Single(new SegmentVerifier(List, 7, _digests).Run());
        Assert.StartsWith("no segment 7: ", Assert.Single(report.Problems), StringComparison.Ordinal);
        Assert.Equal((1, "no segment 7\n"), Python(List, 7));
    }

    /// <summary>What is not seen from the first segment on is still asked for.</summary>
    [Fact]
    public void Erased_segments_without_keys_must_have_left_their_manifests()
    {
        string copy = Copy();
        foreach (int number in new[] { 0, 1, 2 })
        {
            File.Delete(SegmentFiles.Data(copy, number));
        }

        Assert.All(new SegmentVerifier(copy, 0, _digests).Run(), report => Assert.Empty(report.Problems));
        File.Delete(SegmentFiles.Manifest(copy, 1));
        SegmentReport report = new SegmentVerifier(copy, 2, _digests).Run().First();
        Assert.Contains("its file is missing, and nothing says that it was erased", report.Problems);
    }

    [Fact]
    public void Manifest_knows_itself_and_nothing_else()
    {
        byte[] bytes = File.ReadAllBytes(SegmentFiles.Manifest(List, 1));
        Assert.Equal(bytes, Manifest.Read(bytes).ToBytes());
        string text = System.Text.Encoding.UTF8.GetString(bytes);
        string[] others =
        [
            "", "null\n", "[]", text[..^1], text.Replace("{\"schema\"", "{ \"schema\"", StringComparison.Ordinal),
            text.Replace("segment/1", "segment/2", StringComparison.Ordinal),
            text.Replace("\"pcr\":10", "\"pcr\":10,\"more\":1", StringComparison.Ordinal),
            text.Replace("\"pcr\":10,", "", StringComparison.Ordinal),
        ];
        Assert.All(others, other => Assert.Throws<ManifestException>(() => Manifest.Read(System.Text.Encoding.UTF8.GetBytes(other))));
    }

    static List<string> Files(string list, int number) =>
        [SegmentFiles.Data(list, number), SegmentFiles.Manifest(list, number), SegmentFiles.Detached(list, number)];

    bool IsNamed(string list, int number) =>
        new SegmentVerifier(list, 0, _digests).Run().Any(report => report.Segment == number && report.Problems.Count > 0);

    void Require(string list, int number, string problem) => Assert.Contains(
        new SegmentVerifier(list, 0, _digests).Run(),
        report => report.Segment == number && report.Problems.Any(one => one.Contains(problem, StringComparison.Ordinal)));

    string Copy()
    {
        // Under the same name, which the manifests tell.
        string copy = _copies.At(Guid.NewGuid().ToString("n"), Path.GetFileName(List));
        _ = Directory.CreateDirectory(copy);
        foreach (string file in Directory.GetFiles(List))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        return copy;
    }

    static (int Status, string Said) Python(string list, int first)
    {
        using Process python = Process.Start(new ProcessStartInfo(
            "python3", [Repository.Locate("tests", "segment_verify.py"), list, $"{first}"]) { RedirectStandardOutput = true })!;
        string said = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        return (python.ExitCode, python.ExitCode == 0 ? "" : said);
    }
}
