using System.Text.Json;
using ImaHost.Cli;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Cli;

public sealed class VerifyReportTests : IDisposable
{
    const string Held = "pcrs.txt";
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];
    static readonly Entry[] Clean = [.. Enumerable.Range(0, 6).Select(Entry.Number)];
    static readonly Entry[] Violated =
        [.. Clean.Select((entry, number) => entry with { IsViolation = number is 3 or 4 })];
    readonly TemporaryDirectory _directory = new();
    readonly DigestSet _digests = new();

    public void Dispose()
    {
        _directory.Dispose();
        _digests.Dispose();
    }

    [Theory]
    [InlineData(6, false, true)]
    [InlineData(6, true, true)]
    [InlineData(4, false, true)]
    [InlineData(4, true, false)]
    [InlineData(1, true, false)]
    public void Exact_wants_the_PCRs_to_vouch_for_every_entry(int read, bool exact, bool verified)
    {
        VerifyReport report = Make(Clean, SoftPcrs.After(Clean[..read], Banks), exact);
        Assert.Equal(verified, report.Verified);
        Assert.Equal(
            verified ? [] : [$"{6 - read} entries follow those that the PCRs vouch for (--exact)"], report.Reasons);
        Assert.Equal(6, report.Entries);
        Assert.Equal(read, report.Matched);
        Assert.Equal(6 - read, report.Follow);
        Assert.Null(report.FirstViolation);
    }

    [Theory]
    [InlineData(6, false, false)]
    [InlineData(6, true, true)]
    [InlineData(4, false, false)]
    [InlineData(3, false, true)]
    [InlineData(3, true, true)]
    public void Violations_count_when_the_PCRs_vouch_for_them(int read, bool ignore, bool verified)
    {
        VerifyReport report = Make(Violated, SoftPcrs.After(Violated[..read], Banks), ignoreViolations: ignore);
        Assert.Equal(verified, report.Verified);
        Assert.Equal(
            verified ? [] : ["2 violations, the first is entry 3 (--ignore-violations accepts them)"], report.Reasons);
        Assert.Equal(2, report.Violations);
        Assert.Equal(3, report.FirstViolation);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Violations_count_when_there_are_no_PCRs_to_compare(bool ignore, bool verified)
    {
        VerifyReport report = Make(Violated, new SoftPcrs(), ignoreViolations: ignore);
        Assert.Equal(verified, report.Verified);
        Assert.Equal(-1, report.Matched);
        Assert.Equal(0, report.Follow);
        Assert.Equal(verified, report.ToText().Contains("no PCR vouches for them", StringComparison.Ordinal));
    }

    [Fact]
    public void Exact_asks_nothing_where_there_are_no_PCRs_to_compare() =>
        Assert.True(Make(Clean, new SoftPcrs(), exact: true).Verified);

    [Fact]
    public void List_that_the_PCRs_know_nothing_of_is_not_verified()
    {
        VerifyReport report = Make(Clean, SoftPcrs.After([Entry.Number(9)], Banks), exact: true);
        Assert.Equal([$"no part of the list gives what {Held} holds"], report.Reasons);
        Assert.Equal(-1, report.Matched);
        Assert.Contains(
            "agrees nowhere; after the last entry the list gives 10:", report.ToText(), StringComparison.Ordinal);
    }

    /// <summary>PCRs that were never extended vouch for no entry: a list of anything would do.</summary>
    [Fact]
    public void List_is_not_verified_by_PCRs_that_hold_nothing()
    {
        VerifyReport report = Make(Clean, new SoftPcrs(Banks));
        Assert.Equal([$"no part of the list gives what {Held} holds"], report.Reasons);
        Assert.Equal(0, report.Matched);
    }

    [Fact]
    public void Empty_list_is_not_verified()
    {
        Assert.Equal(["the list is empty"], Make(Clean[..0], new SoftPcrs(Banks)).Reasons);
        Assert.Equal(["the list is empty"], Make(Clean[..0], new SoftPcrs()).Reasons);
    }

    [Fact]
    public void Break_is_told_whatever_the_PCRs_say()
    {
        byte[] list = Bytes(Clean);
        list[4] ^= 1;
        VerifyReport report = Make(list, SoftPcrs.After(Clean, Banks), exact: true);
        Assert.False(report.Verified);
        Assert.Equal(6, report.Matched);
        Assert.Equal(0, report.Broken?.Entry);
        Assert.StartsWith(
            "entry 0 at offset 0 breaks: \"/srv/0/é\" shows", Assert.Single(report.Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_tells_each_bank_and_what_the_PCRs_vouch_for()
    {
        VerifyReport report = Make(Clean, SoftPcrs.After(Clean[..5], Banks));
        string[] lines = report.ToText().Split('\n');
        Assert.Equal($"list       {report.List} (binary): 6 entries, 0 violations", lines[0]);
        Assert.Equal("PCRs       pcrs.txt", lines[1]);
        Assert.Equal("sha1       agrees after 5 entries (PCR 10)", lines[2]);
        Assert.Equal("sha256     agrees after 5 entries (PCR 10)", lines[3]);
        Assert.Equal($"last       entry 4, \"{Clean[4].Name}\"", lines[4]);
        Assert.Equal("follow     1 entries that the PCRs do not vouch for:", lines[5]);
        Assert.Equal($"           entry 5, PCR 10, \"{Clean[5].Name}\"", lines[6]);
        Assert.Equal("verified   the PCRs vouch for 5 entries", lines[7]);
        Assert.Equal("", lines[8]);
    }

    [Fact]
    public void Padded_banks_are_told()
    {
        KernelVector vector = KernelVector.Open("rule-pcr-template");
        using var file = new ListFile(vector.AsciiPath);
        VerifyReport report = Make(file, vector.ReadPcrs().TryGet, vector.Banks, exact: true, ignoreViolations: true);
        Assert.True(report.Verified);
        Assert.Equal("ascii", report.Form);
        Assert.Equal("matches", report.BootAggregate);
        Assert.Equal([false, false, true, true], report.Banks.Select(bank => bank.Padded));
        Assert.All(report.Banks, bank => Assert.Equal([10, 11, 23], bank.Pcrs.Order()));
        Assert.Contains("extended as SHA-1 padded with zeros", report.ToText(), StringComparison.Ordinal);
        Assert.Contains("boot_aggregate matches PCR 0 to 9", report.ToText(), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_the_same_words()
    {
        VerifyReport report = Make(Violated, SoftPcrs.After(Violated[..5], Banks), exact: true);
        using var json = JsonDocument.Parse(JsonSerializer.Serialize(report, VerifyJson.Default.VerifyReport));
        Assert.False(json.RootElement.GetProperty("verified").GetBoolean());
        Assert.Equal(5, json.RootElement.GetProperty("matched").GetInt64());
        Assert.Equal(1, json.RootElement.GetProperty("follow").GetInt64());
        Assert.Equal(3, json.RootElement.GetProperty("first_violation").GetInt64());
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("broken").ValueKind);
        Assert.Equal(2, json.RootElement.GetProperty("reasons").GetArrayLength());
        Assert.Equal("sha256", json.RootElement.GetProperty("banks")[1].GetProperty("bank").GetString());
    }

    VerifyReport Make(Entry[] list, SoftPcrs held, bool exact = false, bool ignoreViolations = false) =>
        Make(Bytes(list), held, exact, ignoreViolations);

    VerifyReport Make(byte[] list, SoftPcrs held, bool exact = false, bool ignoreViolations = false)
    {
        File.WriteAllBytes(_directory.At("list"), list);
        using var file = new ListFile(_directory.At("list"));
        return Make(file, held.TryGet, held.Banks, exact, ignoreViolations);
    }

    VerifyReport Make(
        ListFile file, PcrSource held, IReadOnlyList<HashAlgorithm> banks, bool exact, bool ignoreViolations)
    {
        var verifier = new ListVerifier(file, held, banks, _digests);
        verifier.Run();
        return VerifyReport.Make(verifier, file, Held, exact, ignoreViolations);
    }

    static byte[] Bytes(Entry[] list) => [.. list.SelectMany(entry => entry.Record())];
}
