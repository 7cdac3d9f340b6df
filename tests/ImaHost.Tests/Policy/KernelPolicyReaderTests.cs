using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class KernelPolicyReaderTests
{
    const string Source = "/etc/ima/site.ima";

    /// <summary>A line that is no rule, and the word that its error has to name.</summary>
    public static TheoryData<string, string> Bad => new()
    {
        { "audit func=BPRM_CHECK", "\"audit\" is not an action" },
        { "Measure", "\"Measure\" is not an action" },
        { "func=BPRM_CHECK", "\"func=BPRM_CHECK\" is not an action" },
        { "measure BPRM_CHECK", "\"BPRM_CHECK\" is not a condition" },
        { "measure func=", "\"func=\" is not a condition" },
        { "measure =BPRM_CHECK", "\"=BPRM_CHECK\" is not a condition" },
        { "measure func = BPRM_CHECK", "\"func\" is not a condition" },
        { "measure func=MODULE_CHECK", "func=MODULE_CHECK" },
        { "measure func=bprm_check", "func=bprm_check" },
        { "measure func<BPRM_CHECK", "\"func\" takes \"=\"" },
        { "measure mask>MAY_READ", "\"mask\" takes \"=\"" },
        { "measure fsmagic>0x1", "\"fsmagic\" takes \"=\"" },
        { "measure mask=MAY_WRITE", "mask=MAY_WRITE" },
        { "measure mask=^", "mask=^" },
        { "measure mask=MAY_READ,MAY_EXEC", "mask=MAY_READ,MAY_EXEC" },
        { "measure fsmagic=xyz", "fsmagic=xyz" },
        { "measure fsmagic=0x", "fsmagic=0x" },
        { "measure fsmagic=0x10000000000000000", "fsmagic=0x10000000000000000" },
        { "measure uid=root", "uid=root" },
        { "measure uid=-1", "uid=-1" },
        { "measure uid=4294967296", "uid=4294967296" },
        { "measure uid<=5", "uid<=5" },
        { "measure euid=0x10", "euid=0x10" },
        { "measure fowner= 0", "\"fowner=\" is not a condition" },
        { "measure fowner=0 fowner=1", "\"fowner\" is given twice" },
        { "measure uid>5 uid<9", "\"uid\" is given twice" },
        { "measure subj_type=bin_t", "\"subj_type\" is not a condition that is known" },
        { "appraise appraise_type=imasig", "\"appraise_type\" is not a condition that is known" },
        { "measure template=ima-new", "template=ima-new is not a template" },
        { "measure template=d-ng|x", "template=d-ng|x is not a template" },
        { "appraise template=ima-ng", "\"template\" belongs to the action measure" },
        { "dont_measure pcr=11", "\"pcr\" belongs to the action measure" },
        { "measure pcr=24", "pcr=24 is not a PCR" },
        { "measure pcr=x", "pcr=x is not a PCR" },
        { "measure pcr>1", "\"pcr\" takes \"=\"" },
        { "measure permit_directio", "\"permit_directio\" is not a condition" },
    };

    public static TheoryData<string> Rules =>
    [
        "measure", "dont_measure", "appraise", "dont_appraise", "measure func=BPRM_CHECK", "measure func=FILE_CHECK",
        "measure func=MMAP_CHECK", "measure mask=MAY_EXEC", "measure mask=^MAY_EXEC", "measure mask=MAY_READ",
        "measure mask=^MAY_READ", "dont_measure fsmagic=0x9fa0", "dont_appraise fsmagic=0xffffffffffffffff",
        "measure pcr=0", "measure func=FILE_CHECK uid=0 pcr=23 template=ima-ngv2", "measure template=d-ng|n-ng|iuid",
        "measure uid=0", "measure uid>4294967295", "measure uid<1000 euid=0 gid=5 egid>6",
        "appraise func=FILE_CHECK mask=MAY_READ fsmagic=0xef53 uid=1 euid=2 gid=3 egid=4 fowner<5 fgroup>6",
    ];

    [Theory]
    [MemberData(nameof(Bad))]
    public void Read_refuses_a_line_and_names_its_place_and_the_word(string line, string word)
    {
        string text = $"# a comment\nmeasure func=BPRM_CHECK\n\n{line}\nmeasure func=MMAP_CHECK\n";
        PolicyException refused = Assert.Throws<PolicyException>(() => KernelPolicyReader.Read(text, Source));
        Assert.StartsWith($"{Source}:4: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(word, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Rule_reads_again_from_what_it_is_written_as(string line)
    {
        ImaRule rule = KernelPolicyReader.ReadRule(line, "here")!;
        Assert.Equal(line, rule.ToString());
        Assert.Equal(rule, KernelPolicyReader.ReadRule(rule.ToString(), "here"));
    }

    [Theory]
    [InlineData("measure func=PATH_CHECK", "measure func=FILE_CHECK")]
    [InlineData("measure func=FILE_MMAP", "measure func=MMAP_CHECK")]
    [InlineData("measure fsmagic=9FA0", "measure fsmagic=0x9fa0")]
    [InlineData("measure uid=007", "measure uid=7")]
    [InlineData("\t measure \t fowner=0\tfunc=BPRM_CHECK  ", "measure func=BPRM_CHECK fowner=0")]
    public void Rule_is_written_in_the_kernels_usual_form(string line, string expected) =>
        Assert.Equal(expected, KernelPolicyReader.ReadRule(line, "here")!.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("   \t ")]
    [InlineData("# measure")]
    [InlineData("  #measure func=nonsense")]
    public void ReadRule_gives_nothing_for_comments_and_blank_lines(string line) =>
        Assert.Null(KernelPolicyReader.ReadRule(line, "here"));

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void Read_takes_each_line_with_its_origin(string newline)
    {
        string text = string.Join(newline, "# exec", "measure func=BPRM_CHECK", "", "appraise fowner=0");
        ImaPolicy policy = KernelPolicyReader.Read(text, Source);
        Assert.Equal(["measure func=BPRM_CHECK", "appraise fowner=0"], policy.Rules.Select(rule => rule.ToString()));
        Assert.Equal([$"{Source}:2", $"{Source}:4"], policy.Rules.Select(rule => rule.Origin));
    }

    [Fact]
    public void Policy_reads_again_from_what_it_is_written_as_for_random_rules()
    {
        var random = new Random(7);
        for (int round = 0; round < 2000; round++)
        {
            var policy = new ImaPolicy(Enumerable.Range(0, random.Next(6)).Select(_ => RandomRule(random)));
            ImaPolicy again = KernelPolicyReader.Read(policy.ToString(), Source);
            Assert.Equal(policy.ToString(), again.ToString());
            Assert.Equal(policy.Fingerprint, again.Fingerprint);
            Assert.Equal(policy.Rules, again.Rules.Select(rule => rule with { Origin = "built in" }));
        }
    }

    static ImaRule RandomRule(Random random)
    {
        AccessMask mask = random.GetItems([AccessMask.None, AccessMask.Exec, AccessMask.Read], 1)[0];
        return new ImaRule((ImaAction)random.Next(4))
        {
            Func = random.Next(2) == 0 ? null : (ImaHook)random.Next(3),
            Mask = mask,
            MaskIncludes = mask != AccessMask.None && random.Next(2) == 0,
            FsMagic = random.Next(2) == 0 ? null : random.NextInt64(),
            Uid = RandomCondition(random),
            Euid = RandomCondition(random),
            Gid = RandomCondition(random),
            Egid = RandomCondition(random),
            Fowner = RandomCondition(random),
            Fgroup = RandomCondition(random),
        };
    }

    static IdCondition? RandomCondition(Random random) =>
        random.Next(2) == 0 ? null : new IdCondition("=<>"[random.Next(3)], (uint)random.NextInt64(1L << 32));
}
