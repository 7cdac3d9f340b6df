using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

/// <summary>ima_validate_rule: which words go together.</summary>
public sealed class RuleChecksTests
{
    /// <summary>Words of which each is fine, and why they are no rule together.</summary>
    public static TheoryData<string, string> Invalid => new()
    {
        { "appraise pcr=11", "\"pcr\" belongs to the action measure" },
        { "dont_measure pcr=11", "\"pcr\" belongs to the action measure" },
        { "audit pcr=11", "\"pcr\" belongs to the action measure" },
        { "appraise template=ima-ng", "\"template\" belongs to the action measure" },
        { "measure appraise_type=imasig", "\"appraise_type\" belongs to the action appraise" },
        { "dont_appraise appraise_type=imasig", "\"appraise_type\" belongs to the action appraise" },
        { "measure appraise_type=imasig appraise_flag=check_blacklist", "belongs to the action appraise" },
        { "hash appraise_algos=sha256", "\"appraise_algos\" belongs to the action appraise" },
        { "measure keyrings=.ima", "\"keyrings\" belongs to func=KEY_CHECK" },
        { "measure func=CRITICAL_DATA keyrings=.ima", "func=CRITICAL_DATA does not take \"keyrings\"" },
        { "measure label=a", "\"label\" belongs to func=CRITICAL_DATA" },
        { "dont_measure func=KEY_CHECK label=a", "func=KEY_CHECK does not take \"label\"" },
        { "appraise func=KEXEC_CMDLINE", "func=KEXEC_CMDLINE takes the actions measure and dont_measure" },
        { "audit func=KEXEC_CMDLINE", "func=KEXEC_CMDLINE takes the actions measure and dont_measure" },
        { "dont_appraise func=KEY_CHECK", "func=KEY_CHECK takes the actions measure and dont_measure" },
        { "hash func=CRITICAL_DATA", "func=CRITICAL_DATA takes the actions measure and dont_measure" },
        { "dont_measure func=KEXEC_CMDLINE mask=MAY_READ", "func=KEXEC_CMDLINE does not take \"mask\"" },
        { "dont_measure func=KEXEC_CMDLINE permit_directio", "func=KEXEC_CMDLINE does not take \"permit_directio\"" },
        { "dont_measure func=KEXEC_CMDLINE imahost.path=/a", "func=KEXEC_CMDLINE does not take \"imahost.path\"" },
        { "dont_measure func=KEY_CHECK euid=0", "func=KEY_CHECK does not take \"euid\"" },
        { "dont_measure func=KEY_CHECK subj_type=a", "func=KEY_CHECK does not take \"subj_type\"" },
        { "measure func=CRITICAL_DATA fowner=0", "func=CRITICAL_DATA does not take \"fowner\"" },
        { "measure func=CRITICAL_DATA mask=MAY_READ", "func=CRITICAL_DATA does not take \"mask\"" },
        { "measure func=CRITICAL_DATA imahost.exe=/a", "func=CRITICAL_DATA does not take \"imahost.exe\"" },
        { "measure func=CRITICAL_DATA digest_type=verity", "func=CRITICAL_DATA does not take \"digest_type\"" },
        { "measure func=SETXATTR_CHECK", "func=SETXATTR_CHECK takes the action appraise" },
        { "dont_appraise func=SETXATTR_CHECK", "func=SETXATTR_CHECK takes the action appraise" },
        { "appraise func=SETXATTR_CHECK", "func=SETXATTR_CHECK needs appraise_algos" },
        { "appraise func=SETXATTR_CHECK appraise_algos=sha256 uid=0", "func=SETXATTR_CHECK does not take \"uid\"" },
        { "appraise func=SETXATTR_CHECK appraise_algos=sha256 appraise_type=imasig", "does not take \"appraise_type\"" },
        { "appraise appraise_type=sigv3", "appraise_type=sigv3 needs digest_type=verity before it" },
        { "appraise digest_type=verity", "digest_type=verity with the action appraise needs appraise_type=sigv3" },
        { "appraise digest_type=verity appraise_type=imasig", "needs appraise_type=sigv3" },
        { "measure func=MODULE_CHECK digest_type=verity", "func=MODULE_CHECK does not take digest_type=verity" },
        { "appraise func=KEXEC_KERNEL_CHECK digest_type=verity appraise_type=sigv3", "does not take digest_type=verity" },
        { "appraise appraise_type=imasig|modsig", "modsig belongs to func=MODULE_CHECK, func=KEXEC_KERNEL_CHECK" },
        { "appraise func=FIRMWARE_CHECK appraise_type=imasig|modsig", "modsig belongs to func=MODULE_CHECK" },
        { "appraise appraise_flag=check_blacklist", "\"appraise_flag\" needs appraise_type" },
        { "measure uid=0 euid=0", "\"uid\" and \"euid\" exclude each other" },
        { "measure gid>5 egid<9", "\"gid\" and \"egid\" exclude each other" },
        { "measure func=KEXEC_CMDLINE", "func=KEXEC_CMDLINE cannot be seen here: no event tells of the command line" },
        { "measure func=KEY_CHECK keyrings=.ima", "func=KEY_CHECK cannot be seen here: no event tells of keys" },
        { "appraise func=SETXATTR_CHECK appraise_algos=sha256", "func=SETXATTR_CHECK cannot be seen here: events tell" },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Rule_of_words_that_do_not_go_together_says_which(string line, string why)
    {
        PolicyException refused = Assert.Throws<PolicyException>(() => Policies.Rule($"\t{line}"));
        Assert.StartsWith("test:1:2: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dont_measure func=KEXEC_CMDLINE fsmagic=0x1 uid=0 fowner=5 subj_type=a obj_type=b")]
    [InlineData("dont_measure func=KEY_CHECK uid=0 gid=5 keyrings=.ima|.evm")]
    [InlineData("measure func=CRITICAL_DATA uid=0 gid=5 label=a pcr=1 template=ima-buf imahost.reason=x")]
    [InlineData("appraise func=MODULE_CHECK appraise_type=imasig|modsig appraise_flag=check_blacklist permit_directio")]
    [InlineData("appraise func=KEXEC_INITRAMFS_CHECK appraise_type=imasig|modsig appraise_algos=sha256")]
    [InlineData("measure func=FIRMWARE_CHECK digest_type=verity")]
    [InlineData("appraise func=BPRM_CHECK digest_type=verity appraise_type=sigv3 appraise_algos=sha256")]
    [InlineData("dont_appraise digest_type=verity")]
    [InlineData("audit uid=0 egid=5 mask=^MAY_APPEND permit_directio")]
    [InlineData("measure euid=0 gid=5")]
    [InlineData("hash func=POLICY_CHECK")]
    public void Rule_of_words_that_go_together_is_one(string line) =>
        Assert.Equal(Policies.Rule(line).ToString(), Policies.Rule(Policies.Rule(line).ToString()).ToString());

    [Fact]
    public void Only_positive_rules_about_what_cannot_be_seen_are_refused()
    {
        foreach (ImaHook hook in Enum.GetValues<ImaHook>())
        {
            bool seen = hook is not (ImaHook.KexecCmdline or ImaHook.KeyCheck or ImaHook.SetxattrCheck);
            Assert.Equal(seen, hook.WhyUnseen() == null);
            if (hook != ImaHook.SetxattrCheck)
            {
                Assert.Equal($"dont_measure func={hook.Name()}", Policies.Rule($"dont_measure func={hook.Name()}").ToString());
            }
        }
    }
}
