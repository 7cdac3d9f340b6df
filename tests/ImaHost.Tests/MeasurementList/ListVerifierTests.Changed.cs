using System.Text;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>Lists that somebody changed, or that an accident cut off.</summary>
public sealed partial class ListVerifierTests
{
    [Theory]
    [MemberData(nameof(Forms))]
    public void Name_that_was_changed_breaks_its_entry(bool ascii)
    {
        byte[] list = Replace(Bytes(List, ascii), "/srv/4/n", "/srv/4/x");
        ListVerifier verifier = Verify(list, SoftPcrs.After(List, Banks));
        Assert.Equal(-1, verifier.Search.Matched);
        Assert.Equal(List.Length, verifier.Entries);
        ExpectBreak(verifier, 4, ascii, "\"/srv/4/x");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Digest_of_a_file_that_was_changed_breaks_its_entry(bool ascii)
    {
        Entry[] changed = [.. List];
        changed[4] = changed[4] with { Digest = [.. changed[4].Digest.Reverse()] };
        byte[] before = Template(List[4], ascii);
        byte[] list = Replace(Bytes(changed, ascii), Template(changed[4], ascii), before);
        ExpectBreak(Verify(list, SoftPcrs.After(List, Banks)), 4, ascii, "\"/srv/4/");
    }

    /// <summary>The PCRs hold the digest of the data, not the one that is shown.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void Template_digest_that_was_changed_breaks_its_entry_and_not_the_replay(bool ascii)
    {
        byte[] list = Replace(Bytes(List, ascii), Template(List[4], ascii), Template(List[6], ascii));
        ListVerifier verifier = Verify(list, SoftPcrs.After(List, Banks));
        Assert.Equal(List.Length, verifier.Search.Matched);
        ExpectBreak(verifier, 4, ascii, "\"/srv/4/");
        Assert.Contains(
            $"shows the template digest {TemplateDigest(List[6])}, but its data give sha1:{TemplateDigest(List[4])}",
            verifier.Break!.Cause, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Violation_that_was_made_an_entry_is_one_the_PCRs_do_not_vouch_for(bool ascii)
    {
        Entry[] changed = [.. List];
        changed[3] = changed[3] with { IsViolation = false };
        ListVerifier verifier = Verify(Bytes(changed, ascii), SoftPcrs.After(List, Banks));
        Assert.Null(verifier.Break);
        Assert.Equal(-1, verifier.Search.Matched);
        Assert.Equal(5, verifier.FirstViolation);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Entries_swapped_left_out_or_added_match_nowhere(bool ascii)
    {
        SoftPcrs held = SoftPcrs.After(List, Banks);
        Entry[][] changed =
        [
            [.. List[..3], List[4], List[3], .. List[5..]],
            [.. List[..4], .. List[5..]],
            [.. List[1..]],
            [.. List[..^1]],
            [.. List[..4], Entry.Number(99), .. List[4..]],
            [Entry.Number(99), .. List],
            [.. List[..4], List[3], .. List[4..]],
        ];
        foreach (Entry[] list in changed)
        {
            ListVerifier verifier = Verify(Bytes(list, ascii), held);
            Assert.Null(verifier.Break);
            Assert.Equal(-1, verifier.Search.Matched);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void List_cut_off_breaks_where_the_last_whole_entry_ends(bool ascii)
    {
        int end = Bytes(List[..6], ascii).Length;
        ListVerifier verifier = Verify(Bytes(List, ascii)[..(end + 30)], SoftPcrs.After(List[..6], Banks));
        Assert.Equal(
            new ListBreak(6, end, "the list ends after 30 bytes of it, which are no whole record"), verifier.Break);
        Assert.Equal(6, verifier.Entries);
        Assert.Equal(6, verifier.Search.Matched);
    }

    [Fact]
    public void Record_that_is_none_breaks_the_list_and_is_not_counted()
    {
        byte[] bad = List[6].Record();
        bad[24] = bad[25] = 0xff;
        ListVerifier verifier = Verify([.. Bytes(List[..6], ascii: false), .. bad], SoftPcrs.After(List, Banks));
        Assert.Equal(6, verifier.Entries);
        Assert.Equal(
            new ListBreak(6, Bytes(List[..6], ascii: false).Length, "a template name of 65535 bytes"), verifier.Break);
    }

    /// <summary>The second walk, for padded banks, looks into entries more closely than the first.</summary>
    [Fact]
    public void Entry_whose_data_are_damaged_under_a_right_digest_breaks_where_it_stands()
    {
        byte[] data = [1, 0, 0, 0];
        byte[] damaged =
        [
            10, 0, 0, 0, .. _digests.Hash(HashAlgorithm.Sha1, data).Bytes,
            7, 0, 0, 0, .. "ima-sig"u8, 4, 0, 0, 0, .. data,
        ];
        byte[] list = [.. Bytes(List[..2], ascii: false), .. damaged, .. List[2].Record()];
        foreach (int read in new[] { 2, 3 })
        {
            ListVerifier verifier = Verify(list, SoftPcrs.After(List[..read], Banks));
            Assert.Equal(2, verifier.Break?.Entry);
            Assert.Equal(Bytes(List[..2], ascii: false).Length, verifier.Break?.Offset);
            Assert.Equal("d-ng of 1 bytes does not fit in the 0 that are left", verifier.Break?.Cause);
        }
    }

    [Fact]
    public void Entry_of_an_unknown_template_breaks_the_list_and_not_the_replay()
    {
        byte[] before = List[4].Record()[..35];
        byte[] list = Replace(Bytes(List, ascii: false), before, [.. before[..^1], (byte)'x']);
        ListVerifier verifier = Verify(list, SoftPcrs.After(List, Banks));
        Assert.Equal(List.Length, verifier.Search.Matched);
        ExpectBreak(verifier, 4, ascii: false, "unknown template \"ima-six\"");
    }

    /// <summary>Each under a template digest that is right.</summary>
    [Theory]
    [InlineData("ima-ng", "080000007368613235363a00 020000006100", "0 bytes are no sha256 digest")]
    [InlineData("ima-ng", "00000000 020000006100", "a digest of 0 bytes does not begin with its algorithm")]
    [InlineData("ima-ng", "070000006d6435003a0001 020000006100", "a digest of 7 bytes does not begin with its algorithm")]
    [InlineData("ima-ng", "060000006d64353a0001 020000006100", null)]
    [InlineData("ima-ng", "060000006d64353a0001 020000006100 00", "1 bytes follow the last field of ima-ng")]
    [InlineData("ima-sig", "060000006d64353a0001 020000006100", "the template data end before the length of sig")]
    [InlineData("ima-sig", "060000006d64353a0001 020000006100 0100000000", null)]
    [InlineData("d-ng|d-modsig", "060000006d64353a0001 00000000", null)]
    public void Entry_that_has_not_the_fields_of_its_template_breaks(string template, string hex, string? cause)
    {
        byte[] data = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        byte[] record = Record(_digests.Hash(HashAlgorithm.Sha1, data).Bytes, template, data);
        ListVerifier verifier = Verify([.. Bytes(List[..2], ascii: false), .. record], SoftPcrs.After(List[..2], Banks));
        Assert.Equal(cause, verifier.Break?.Cause);
        Assert.Equal(cause == null ? null : 2L, verifier.Break?.Entry);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Entry_that_was_made_a_violation_breaks_because_its_digest_is_not_zeros(bool ascii)
    {
        byte[] before = Template(List[4], ascii);
        byte[] zeros = Template(List[4] with { IsViolation = true }, ascii);
        ListVerifier verifier = Verify(Replace(Bytes(List, ascii), before, zeros), SoftPcrs.After(List, Banks));
        ExpectBreak(verifier, 4, ascii, "d-ng of a violation is not zeros");
    }

    /// <summary>Some kernels wrote the zeros of SHA-1 under the name of any algorithm.</summary>
    [Fact]
    public void Violation_that_shows_20_zeros_under_the_name_of_another_algorithm_is_one()
    {
        byte[] data = [28, 0, 0, 0, .. "sha256:\0"u8, .. new byte[20], 3, 0, 0, 0, .. "/v\0"u8];
        byte[] list = [.. Bytes(List[..2], ascii: false), .. Record(new byte[20], "ima-ng", data)];
        ListVerifier verifier = Verify(list, SoftPcrs.After(List[..2], Banks));
        Assert.Null(verifier.Break);
        Assert.Equal(2, verifier.FirstViolation);
    }

    static byte[] Record(ReadOnlySpan<byte> digest, string template, byte[] data) =>
    [
        10, 0, 0, 0, .. digest, (byte)template.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(template),
        (byte)data.Length, 0, 0, 0, .. data,
    ];

    static void ExpectBreak(ListVerifier verifier, int entry, bool ascii, string cause)
    {
        Assert.Equal(entry, verifier.Break?.Entry);
        Assert.Equal(Bytes(List[..entry], ascii).Length, verifier.Break?.Offset);
        Assert.StartsWith(cause, verifier.Break?.Cause, StringComparison.Ordinal);
    }

    /// <summary>PCR and template digest, as an entry begins with them.</summary>
    static byte[] Template(Entry entry, bool ascii) => ascii
        ? Encoding.ASCII.GetBytes(entry.Line()[..44])
        : entry.Record()[..24];

    static string TemplateDigest(Entry entry) => entry.Line()[3..43];

    static byte[] Replace(byte[] list, string found, string other) =>
        Replace(list, Encoding.ASCII.GetBytes(found), Encoding.ASCII.GetBytes(other));

    static byte[] Replace(byte[] list, byte[] found, byte[] other)
    {
        int at = list.AsSpan().IndexOf(found);
        Assert.True(at >= 0 && found.Length == other.Length);
        byte[] changed = [.. list];
        other.CopyTo(changed, at);
        return changed;
    }
}
