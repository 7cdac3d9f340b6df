using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;
using Outcome = ImaHost.Appraisal.Appraisal;

namespace ImaHost.Tests.Appraisal;

/// <summary>Rules with by: whom they name, and nobody else, vouches; any one of them is enough.</summary>
public sealed class AppraiserByTests : IDisposable
{
    const string Anybody = "ima-sig|ima-hash|verity|reference|package";
    const int NotSupported = -95;
    const int Content = 1;
    const int Other = 2;
    const int Verity = 3;

    readonly ReferenceFixture _lists = new();
    readonly TemporaryDirectory _directory = new();
    readonly KeyWorkshop _workshop;
    Keyring _keys = Keyring.Empty;
    Blacklist _blacklist = Blacklist.Empty;

    public AppraiserByTests() => _workshop = new KeyWorkshop(_directory);

    public void Dispose()
    {
        _lists.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("ima-hash", nameof(Vouching.ImaHash))]
    [InlineData("reference", nameof(Vouching.Reference))]
    [InlineData("package", nameof(Vouching.Package))]
    [InlineData("verity", nameof(Vouching.Verity))]
    [InlineData("verity|ima-hash", nameof(Vouching.ImaHash))]
    [InlineData("verity|package", nameof(Vouching.Package))]
    public void File_that_all_vouch_for_passes_by_one_whom_the_rule_names(string by, string expected)
    {
        _ = _lists.Write("a.sha256", $"{Hex(Content)}  /x\n");
        _ = _lists.Write("b.yaml", VerityList(Verity));
        _ = _lists.WritePackage("tool", Content);
        Assert.Equal(
            new Finding(Outcome.Pass, Enum.Parse<Vouching>(expected)),
            Appraise(by, HashLabel(Content), verity: Verity) with { Reference = null });
    }

    [Theory]
    [InlineData("ima-sig")]
    [InlineData("verity")]
    [InlineData("reference|verity")]
    [InlineData("package")]
    public void Good_hash_does_not_count_where_the_rule_does_not_name_it(string by) =>
        Assert.Equal(new Finding(Outcome.NotVouched), Appraise(by, HashLabel(Content)));

    [Theory]
    [InlineData("reference", true)]
    [InlineData("package", false)]
    [InlineData("reference|package", true)]
    [InlineData("ima-sig|ima-hash|verity", false)]
    public void List_of_the_administrator_is_no_package(string by, bool passes)
    {
        _ = _lists.Write("a.sha256", $"{Hex(Content)}  /x\n");
        Assert.Equal(passes, Appraise(by).Passes);
    }

    [Theory]
    [InlineData("reference", false)]
    [InlineData("package", true)]
    [InlineData("reference|package", true)]
    [InlineData("ima-sig|ima-hash|verity", false)]
    public void List_of_a_package_is_none_of_the_administrator(string by, bool passes)
    {
        _ = _lists.WritePackage("tool", Content);
        Assert.Equal(passes, Appraise(by).Passes);
    }

    [Fact]
    public void Hit_names_the_list_and_the_line_that_vouches()
    {
        _ = _lists.Write("a.sha256", $"{Hex(Other)}  /y\n");
        _ = _lists.WritePackage("tool", Other + 10, Content);
        ReferenceIndex index = _lists.Open();
        Finding found = Appraise(Anybody, index: index);
        Assert.Equal((Outcome.Pass, Vouching.Package), (found.Outcome, found.By));
        ReferenceHit hit = Assert.NotNull(found.Reference);
        Assert.Equal(("tool", 8), (index[hit.Source].Package?.Name, hit.Line));
    }

    [Fact]
    public void Wrong_label_beside_a_good_list_does_no_harm()
    {
        _ = _lists.Write("a.sha256", $"{Hex(Content)}  /x\n");
        foreach (byte[] label in (byte[][])[HashLabel(Other), Sign("stranger", Content), Sign("stranger", Other), [4, 4, 1], [7], [3, 9, 4]])
        {
            Assert.Equal((Outcome.Pass, Vouching.Reference), Tell(Appraise(Anybody, label)));
        }
    }

    [Fact]
    public void Wrong_label_is_told_of_when_nobody_else_vouches()
    {
        _ = _lists.Write("a.sha256", $"{Hex(Other)}  /x\n");
        byte[] signed = Sign("stranger", Content);
        Assert.Equal((Outcome.InvalidHash, Vouching.ImaHash), Tell(Appraise(Anybody, HashLabel(Other))));
        Assert.Equal((Outcome.InvalidSignature, Vouching.ImaSig), Tell(Appraise(Anybody, signed)));
        Assert.Equal(SecurityIma.Parse(signed).KeyId, Appraise(Anybody, signed).KeyId);
        Assert.Equal((Outcome.NotVouched, Vouching.None), Tell(Appraise(Anybody, [4, 4, 1])));
        Assert.Equal((Outcome.NotVouched, Vouching.None), Tell(Appraise(Anybody)));
    }

    [Fact]
    public void Portable_signature_vouches_for_no_content() =>
        Assert.Equal((Outcome.NotVouched, Vouching.None), Tell(Appraise(Anybody, [5, .. Sign("key", Content).AsSpan(1)])));

    [Fact]
    public void Signature_vouches_by_a_key_that_is_there_where_the_rule_names_signatures()
    {
        byte[] label = Sign("key", Content);
        Trust("key");
        Finding found = Appraise("ima-sig|package", label);
        Assert.Equal((Outcome.Pass, Vouching.ImaSig), Tell(found));
        Assert.Equal(Assert.Single(_keys.Keys).Id, found.KeyId);
        Assert.Null(found.Check);
        Finding changed = Appraise("ima-sig", Sign("key", Other));
        Assert.Equal((Outcome.InvalidSignature, SignatureCheck.Bad), (changed.Outcome, changed.Check));
        Assert.Equal(Outcome.NotVouched, Appraise("ima-hash|verity|reference|package", label).Outcome);
    }

    [Fact]
    public void Signature_of_the_verity_digest_is_verity_and_no_signature_of_the_content()
    {
        byte[] label = SignVerity("key", Verity);
        Trust("key");
        Assert.Equal((Outcome.Pass, Vouching.Verity), Tell(Appraise("verity", label, verity: Verity)));
        Assert.Equal(Outcome.NotVouched, Appraise("ima-sig", label, verity: Verity).Outcome);
        Assert.Equal(Outcome.NotVouched, Appraise("verity", label).Outcome);
        Assert.Equal(Outcome.InvalidVeritySignature, Appraise("verity", label, verity: Other).Outcome);
    }

    [Theory]
    [InlineData("verity", Verity, true)]
    [InlineData("verity", Other, false)]
    [InlineData("verity", 0, false)]
    [InlineData("reference|package", Verity, false)]
    public void List_of_verity_digests_vouches_for_files_with_fs_verity(string by, int verity, bool passes)
    {
        _ = _lists.Write("a.yaml", VerityList(Verity));
        Assert.Equal(
            passes ? (Outcome.Pass, Vouching.Verity) : (Outcome.NotVouched, Vouching.None),
            Tell(Appraise(by, verity: verity)));
    }

    [Fact]
    public void Digest_of_a_content_is_none_of_fs_verity_and_the_other_way_round()
    {
        _ = _lists.Write("a.yaml", VerityList(Content));
        _ = _lists.Write("b.sha256", $"{Hex(Verity)}  /x\n");
        Assert.Equal(Outcome.NotVouched, Appraise(Anybody, verity: Verity).Outcome);
    }

    [Fact]
    public void Revoked_content_is_vouched_for_by_nobody()
    {
        _ = _lists.Write("a.sha256", $"{Hex(Content)}  /x\n");
        _ = _lists.WritePackage("tool", Content);
        byte[] label = Sign("key", Content);
        Trust("key");
        Revoke($"bin:{Hex(Content)}");
        Assert.All((byte[][])[[], label, HashLabel(Content)], one => Assert.Equal(new Finding(Outcome.Revoked), Appraise(Anybody, one)));
    }

    [Fact]
    public void Revoked_are_contents_by_the_digest_of_the_label_of_the_lists_and_of_fs_verity()
    {
        _ = _lists.Write("a.sha256", $"{Hex(Content)}  /x\n");
        _ = _lists.Write("b.yaml", VerityList(Verity));
        Revoke($"bin:{Hex512(Content)}");
        Assert.Equal(Outcome.Revoked, Appraise(Anybody, content: Sha512(Content)).Outcome);
        Assert.Equal(Outcome.Pass, Appraise(Anybody).Outcome);
        Revoke($"bin:{Hex(Verity)}");
        Assert.Equal(Outcome.Revoked, Appraise(Anybody, verity: Verity).Outcome);
        Assert.Equal(Outcome.Revoked, Appraise("package", verity: Verity).Outcome);
        Assert.Equal(Outcome.Pass, Appraise(Anybody).Outcome);
    }

    [Fact]
    public void Revoked_key_signs_nothing_any_more_and_takes_nothing_from_lists()
    {
        byte[] label = Sign("key", Content);
        Trust("key");
        Revoke($"key:{Convert.ToHexString(Assert.Single(_keys.Keys).Identifier)}");
        Trust("key");
        Assert.Equal((Outcome.InvalidSignature, Vouching.ImaSig), Tell(Appraise(Anybody, label)));
        _ = _lists.WritePackage("tool", Content);
        Assert.Equal((Outcome.Pass, Vouching.Package), Tell(Appraise(Anybody, label)));
    }

    [Fact]
    public void List_vouches_until_its_last_second()
    {
        _ = _lists.Write("a.yaml", $"version: 1\nexpires: 2030-06-30\ndigests: [{{sha256: {Hex(Content)}}}]\n");
        long end = new DateTimeOffset(2030, 6, 30, 23, 59, 59, TimeSpan.Zero).ToUnixTimeSeconds();
        Assert.Equal(Outcome.Pass, Appraise("reference", now: end).Outcome);
        Assert.Equal(Outcome.NotVouched, Appraise("reference", now: end + 1).Outcome);
        Assert.Equal(Outcome.Pass, Appraise("reference|ima-hash", HashLabel(Content), now: end + 1).Outcome);
    }

    [Fact]
    public void Replaced_version_vouches_until_its_grace_is_over_and_its_successor_goes_on()
    {
        string old = Path.GetFileName(_lists.WritePackage("tool", Content));
        _ = _lists.WritePackage("next", Other);
        ReferenceIndex index = _lists.Open().Expiring(new Dictionary<string, long> { [old] = Now });
        Assert.Equal(Outcome.Pass, Appraise("package", index: index).Outcome);
        Assert.Equal(Outcome.NotVouched, Appraise("package", index: index, now: Now + 1).Outcome);
        Assert.Equal(Outcome.Pass, Appraise("package", index: index, now: Now + 1, content: DigestOf(Other)).Outcome);
    }

    [Theory]
    [InlineData("/opt/tool", true)]
    [InlineData("/opt/bin/tool", false)]
    [InlineData("", false)]
    public void Digest_that_is_bound_to_a_path_vouches_there_alone(string path, bool passes)
    {
        _ = _lists.Write("a.yaml", $"version: 1\ndigests: [{{sha256: {Hex(Content)}, path: /opt/tool}}]\n");
        Assert.Equal(passes, Appraise("reference", path: path).Passes);
    }

    [Fact]
    public void List_vouches_where_there_are_no_attributes()
    {
        Assert.Equal(Outcome.NotVouched, Appraise(Anybody, HashLabel(Content), labelError: NotSupported).Outcome);
        _ = _lists.WritePackage("tool", Content);
        Assert.Equal((Outcome.Pass, Vouching.Package), Tell(Appraise(Anybody, labelError: NotSupported)));
    }

    [Fact]
    public void Allowed_algorithms_are_asked_of_the_label()
    {
        byte[] label = HashLabel(Content);
        Assert.Equal(Outcome.DeniedAlgorithm, Appraise("ima-hash appraise_algos=sha512", label).Outcome);
        Assert.Equal(Outcome.Pass, Appraise("ima-hash appraise_algos=sha256,sha512", label).Outcome);
    }

    [Fact]
    public void Nothing_passes_without_a_digest()
    {
        _ = _lists.Write("a.sha256", $"{Hex(Content)}  /x\n");
        var evidence = new Evidence { Path = "/x"u8 };
        Assert.Equal(Outcome.NotVouched, Appraiser.Appraise(Rule(Anybody), in evidence, InForce(_lists.Open()), Now).Outcome);
    }

    /// <param name="content">What the file holds; by default <see cref="Content"/>, in SHA-256.</param>
    /// <param name="verity">The content whose digest is that of fs-verity; 0: it has none.</param>
    Finding Appraise(
        string by, byte[]? label = null, int verity = 0, string path = "/x", long now = Now, int labelError = 0,
        Digest? content = null, ReferenceIndex? index = null)
    {
        Digest digest = content ?? DigestOf(Content);
        var evidence = new Evidence
        {
            Label = SecurityIma.Parse(label),
            LabelError = labelError,
            Content = digest,
            Reference = digest,
            Verity = verity == 0 ? default : DigestOf(verity),
            Path = System.Text.Encoding.UTF8.GetBytes(path),
        };
        return Appraiser.Appraise(Rule(by), in evidence, InForce(index ?? _lists.Open()), now);
    }

    static ImaRule Rule(string by) => Policies.Rule($"appraise imahost.by={by}");

    static (Outcome Outcome, Vouching By) Tell(Finding found) => (found.Outcome, found.By);

    Vouchers InForce(ReferenceIndex index) => new(_keys, _blacklist, index, DateTimeOffset.FromUnixTimeSeconds(Now));

    void Revoke(string line)
    {
        File.WriteAllText(_directory.At("revoked"), line + "\n");
        _blacklist = Blacklist.Load([_directory.At("revoked")]);
        Assert.Empty(_blacklist.Warnings);
    }

    void Trust(string name)
    {
        _keys = Keyring.Load([KeyWorkshop.PublicOf(_directory.At(name + ".pem"))], _blacklist, TimeProvider.System);
        Assert.Single(_keys.Keys);
    }

    static byte[] HashLabel(int content) => [4, 4, .. DigestOf(content).Bytes];

    static Digest Sha512(int content) => new(HashAlgorithm.Sha512, Convert.FromHexString(Hex512(content)));

    static string VerityList(int content) => $"version: 1\ndigests: [{{verity: 'sha256:{Hex(content)}'}}]\n";

    byte[] Sign(string name, int content)
    {
        using LabelSigner signer = Open(name);
        byte[] label = new byte[LabelSigner.MostBytes];
        return label[..signer.Sign(DigestOf(content), label)];
    }

    byte[] SignVerity(string name, int content)
    {
        using LabelSigner signer = Open(name);
        byte[] label = new byte[LabelSigner.MostBytes];
        return label[..signer.SignVerity(DigestOf(content), label)];
    }

    LabelSigner Open(string name)
    {
        string key = _directory.At(name + ".pem");
        return LabelSigner.Open(File.Exists(key) ? key : _workshop.MakeKey(name, KeyWorkshop.Ec), null, null);
    }
}
