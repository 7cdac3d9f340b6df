using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class KernelPolicyReaderTests
{
    const string Source = "/etc/ima/site.ima";

    /// <summary>A line that is no rule, the column of the word that is wrong, and what its error has to name.</summary>
    public static TheoryData<string, int, string> Bad => new()
    {
        { "meazure func=BPRM_CHECK", 1, "\"meazure\" is neither an action nor a condition; the nearest known one is \"measure\"" },
        { "Measure", 1, "the nearest known one is \"measure\"" },
        { "func=BPRM_CHECK", 1, "a rule without an action" },
        { "  func=BPRM_CHECK", 3, "a rule without an action" },
        { "measure appraise", 9, "\"appraise\" is a second action" },
        { "measure BPRM_CHECK", 9, "\"BPRM_CHECK\" is neither an action nor a condition" },
        { "measure func=", 9, "\"func\" has no value" },
        { "measure func", 9, "\"func\" has no value" },
        { "measure =BPRM_CHECK", 9, "\"\" is not a condition" },
        { "measure func = BPRM_CHECK", 9, "\"func\" has no value" },
        { "measure  func=MODULE_CHEK", 10, "\"MODULE_CHEK\" is not a hook; the nearest known one is \"MODULE_CHECK\"" },
        { "measure func=bprm_check", 9, "\"bprm_check\" is not a hook; the nearest known one is \"BPRM_CHECK\"" },
        { "measure func<BPRM_CHECK", 9, "\"func\" takes \"=\"" },
        { "measure mask>MAY_READ", 9, "\"mask\" takes \"=\"" },
        { "measure fsmagic>0x1", 9, "\"fsmagic\" takes \"=\"" },
        { "measure mask=MAY_WRIT", 9, "\"MAY_WRIT\" is not a mask; the nearest known one is \"MAY_WRITE\"" },
        { "measure mask=^", 9, "\"^\" is not a mask" },
        { "measure mask=^^MAY_READ", 9, "\"^^MAY_READ\" is not a mask" },
        { "measure mask=MAY_READ^", 9, "\"MAY_READ^\" is not a mask" },
        { "measure mask=MAY_READ,MAY_EXEC", 9, "\"MAY_READ,MAY_EXEC\" is not a mask" },
        { "measure mask=MAY_READ mask=MAY_EXEC", 23, "\"mask\" is given twice" },
        { "measure fsmagic=xyz", 9, "\"xyz\" is not a hexadecimal number" },
        { "measure fsmagic=0x", 9, "\"0x\" is not a hexadecimal number" },
        { "measure fsmagic=0x10000000000000000", 9, "\"0x10000000000000000\" is not a hexadecimal number" },
        { "measure fsuuid=6c29bbb0", 9, "\"6c29bbb0\" is not a UUID" },
        { "measure fsuuid={6c29bbb0-1111-2222-3333-444444444444}", 9, "is not a UUID" },
        { "measure uid=root", 9, "\"root\" is not a decimal number" },
        { "measure uid=-1", 9, "\"-1\" is not a decimal number" },
        { "measure uid=4294967296", 9, "\"4294967296\" is not a decimal number" },
        { "measure uid=4294967295", 9, "\"4294967295\" is not a decimal number below 4294967295" },
        { "measure uid<=5", 9, "\"=5\" is not a decimal number" },
        { "measure euid=0x10", 9, "\"0x10\" is not a decimal number" },
        { "measure fowner= 0", 9, "\"fowner\" has no value" },
        { "measure fowner=0 fowner=1", 18, "\"fowner\" is given twice" },
        { "measure uid>5 uid<9", 15, "\"uid\" is given twice" },
        { "measure fgruop=5", 9, "\"fgruop\" is not a condition; the nearest known one is \"fgroup\"" },
        { "appraise appraise_type=imasign", 10, "\"imasign\" is not known; the nearest known one is \"imasig\"" },
        { "appraise appraise_type=imasig digest_type=verity", 31, "\"digest_type\" stands before appraise_type" },
        { "appraise digest_type=sha1", 10, "\"sha1\" is not known" },
        { "appraise appraise_type=imasig appraise_flag=check", 31, "\"check\" is not known" },
        { "appraise appraise_algos=sha256,sha7", 10, "\"sha7\" is not a hash that is known here" },
        { "appraise appraise_algos=sha256,,sha1", 10, "\"appraise_algos\" has an empty value" },
        { "appraise appraise_algos=md5", 10, "\"md5\" is not a hash that is known here" },
        { "measure template=ima-new", 9, "\"ima-new\" is not a template" },
        { "measure template=d-ng|x", 9, "\"d-ng|x\" is not a template" },
        { "template=ima-ng measure", 1, "\"template\" follows the action" },
        { "measure pcr=24", 9, "\"24\" is not a PCR (0 to 23)" },
        { "measure pcr=x", 9, "\"x\" is not a PCR" },
        { "measure pcr=-1", 9, "\"-1\" is not a PCR" },
        { "measure pcr>1", 9, "\"pcr\" takes \"=\"" },
        { "measure permit_directio=1", 9, "\"permit_directio\" takes no value" },
        { "measure path=/a", 9, "\"path\" is not a condition" },
        { "measure imahost.path=a", 9, "\"a\" is not absolute" },
        { "measure imahost.path=/a|b", 9, "\"b\" is not absolute" },
        { "measure imahost.path=/a||/b", 9, "\"imahost.path\" has an empty value" },
        { "measure imahost.path=/[a", 9, "\"[\" without \"]\"" },
        { "measure imahost.mount=srv", 9, "\"srv\" is not an absolute path" },
        { "measure func=BPRM_CHECK # why", 25, "\"#\" is neither an action nor a condition" },
        { "measure fsname=\ufffd", 9, "a word with characters that cannot be shown, or that are not UTF-8" },
        { "measure fsname=\u2028", 9, "characters that cannot be shown" },
        { "measure fsname=\0", 9, "characters that cannot be shown" },
        { "meas\u001b[31mure", 1, "characters that cannot be shown" },
        { @"measure imahost.path=/a\011b", 9, "characters that cannot be shown" },
    };

    public static TheoryData<string> Rules =>
    [
        "measure", "dont_measure", "appraise", "dont_appraise", "audit", "hash", "dont_hash", "measure func=BPRM_CHECK",
        "measure func=FILE_CHECK", "measure func=MMAP_CHECK", "measure func=MMAP_CHECK_REQPROT", "measure func=CREDS_CHECK",
        "measure func=MODULE_CHECK", "measure func=FIRMWARE_CHECK", "measure func=KEXEC_KERNEL_CHECK",
        "measure func=KEXEC_INITRAMFS_CHECK", "measure func=POLICY_CHECK", "dont_measure func=KEXEC_CMDLINE",
        "dont_measure func=KEY_CHECK", "measure func=CRITICAL_DATA", "measure mask=MAY_EXEC", "measure mask=^MAY_EXEC",
        "measure mask=MAY_READ", "measure mask=^MAY_READ", "measure mask=MAY_WRITE", "measure mask=^MAY_WRITE",
        "measure mask=MAY_APPEND", "measure mask=^MAY_APPEND", "dont_measure fsmagic=0x9fa0",
        "dont_appraise fsmagic=0xffffffffffffffff", "measure fsname=ext4",
        "measure fsuuid=6c29bbb0-1111-2222-3333-44444444abcd", "measure pcr=0",
        "measure func=FILE_CHECK pcr=23 uid=0 template=ima-ngv2", "measure template=d-ng|n-ng|iuid", "measure uid=0",
        "measure uid>4294967294", "measure uid<1000 gid=5", "measure euid=0 egid>6", "measure fowner<5 fgroup>6",
        "appraise func=FILE_CHECK mask=MAY_READ fsmagic=0xef53 uid=1 gid=3 fowner<5 fgroup>6",
        "measure obj_user=a obj_role=b obj_type=c subj_user=d subj_role=e subj_type=f",
        "measure func=CRITICAL_DATA label=a|b pcr=11 uid=0 gid<5 template=ima-buf",
        "dont_measure func=KEY_CHECK keyrings=.ima|.evm uid=0", "measure template=ima-ngv2 digest_type=verity",
        "appraise digest_type=verity appraise_type=sigv3", "appraise appraise_type=imasig appraise_flag=check_blacklist",
        "appraise func=MODULE_CHECK appraise_type=imasig|modsig", "appraise appraise_algos=sha256,sha512 permit_directio",
        "measure permit_directio", "measure imahost.path=/usr/**|/opt/*.so", "audit imahost.exe=/usr/bin/ssh",
        "hash imahost.cgroup=/system.slice/**", "measure imahost.container=[0-9a-f]*", "measure imahost.mount=/srv",
        @"appraise imahost.reason=ask\040the\040owner\134\174me", @"measure imahost.path=/a\040b\134[c\174",
    ];

    [Theory]
    [MemberData(nameof(Bad))]
    public void Read_refuses_a_line_and_names_its_place_and_the_word(string line, int column, string word)
    {
        string text = $"# a comment\nmeasure func=BPRM_CHECK\n\n{line}\nmeasure func=MMAP_CHECK\n";
        PolicyException refused = Assert.Throws<PolicyException>(() => KernelPolicyReader.Read(text, Source));
        Assert.StartsWith($"{Source}:4:{column}: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(word, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Rule_reads_again_from_what_it_is_written_as(string line)
    {
        ImaRule rule = Policies.Rule(line);
        Assert.Equal(line, rule.ToString());
        Assert.Equal(Policies.Describe(rule), Policies.Describe(Policies.Rule(rule.ToString())));
    }

    [Theory]
    [InlineData("measure func=PATH_CHECK", "measure func=FILE_CHECK")]
    [InlineData("measure func=FILE_MMAP", "measure func=MMAP_CHECK")]
    [InlineData("measure fsmagic=9FA0", "measure fsmagic=0x9fa0")]
    [InlineData("measure fsuuid=6C29BBB0-1111-2222-3333-44444444ABCD", "measure fsuuid=6c29bbb0-1111-2222-3333-44444444abcd")]
    [InlineData("measure uid=007", "measure uid=7")]
    [InlineData("measure template=d-ng|n-ng", "measure template=ima-ng")]
    [InlineData("measure imahost.mount=/srv/", "measure imahost.mount=/srv")]
    [InlineData("measure imahost.mount=//", "measure imahost.mount=/")]
    [InlineData("func=BPRM_CHECK measure", "measure func=BPRM_CHECK")]
    [InlineData("\t measure \t fowner=0\tfunc=BPRM_CHECK  ", "measure func=BPRM_CHECK fowner=0")]
    public void Rule_is_written_in_the_kernels_usual_form(string line, string expected) =>
        Assert.Equal(expected, Policies.Rule(line).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("   \t ")]
    [InlineData("# measure")]
    [InlineData("  #measure func=nonsense")]
    public void ReadRule_gives_nothing_for_comments_and_blank_lines(string line) =>
        Assert.Null(KernelPolicyReader.ReadRule(line, "here", 1));

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void Read_takes_each_line_with_its_origin(string newline)
    {
        string text = string.Join(newline, "# exec", "measure func=BPRM_CHECK", "", "appraise fowner=0");
        List<ImaRule> rules = KernelPolicyReader.Read(text, Source);
        Assert.Equal(["measure func=BPRM_CHECK", "appraise fowner=0"], rules.Select(rule => rule.ToString()));
        Assert.Equal([$"{Source}:2", $"{Source}:4"], rules.Select(rule => rule.Origin));
    }
}
