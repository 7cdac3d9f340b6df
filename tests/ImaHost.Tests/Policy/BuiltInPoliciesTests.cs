using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Policy;

/// <summary>The kernel's policies (ima_policy.c), line by line.</summary>
public sealed class BuiltInPoliciesTests
{
    const string Unmeasured =
        """
        dont_measure fsmagic=0x9fa0
        dont_measure fsmagic=0x62656572
        dont_measure fsmagic=0x64626720
        dont_measure fsmagic=0x1021994
        dont_measure fsmagic=0x1cd1
        dont_measure fsmagic=0x42494e4d
        dont_measure fsmagic=0x73636673
        dont_measure fsmagic=0xf97cff8c
        dont_measure fsmagic=0x43415d53
        dont_measure fsmagic=0x27e0eb
        dont_measure fsmagic=0x63677270
        dont_measure fsmagic=0x6e736673
        dont_measure fsmagic=0xde5e81e4

        """;

    const string Tcb = Unmeasured +
        """
        measure func=MMAP_CHECK mask=MAY_EXEC
        measure func=BPRM_CHECK mask=MAY_EXEC
        measure func=FILE_CHECK mask=^MAY_READ euid=0
        measure func=FILE_CHECK mask=^MAY_READ uid=0
        measure func=MODULE_CHECK
        measure func=FIRMWARE_CHECK
        measure func=POLICY_CHECK

        """;

    const string ImaTcb = Unmeasured +
        """
        measure func=MMAP_CHECK mask=MAY_EXEC
        measure func=BPRM_CHECK mask=MAY_EXEC
        measure func=FILE_CHECK mask=MAY_READ uid=0
        measure func=MODULE_CHECK
        measure func=FIRMWARE_CHECK

        """;

    const string AppraiseTcb =
        """
        dont_appraise fsmagic=0x9fa0
        dont_appraise fsmagic=0x62656572
        dont_appraise fsmagic=0x64626720
        dont_appraise fsmagic=0x1021994
        dont_appraise fsmagic=0x1cd1
        dont_appraise fsmagic=0x42494e4d
        dont_appraise fsmagic=0x73636673
        dont_appraise fsmagic=0xf97cff8c
        dont_appraise fsmagic=0x43415d53
        dont_appraise fsmagic=0x27e0eb
        dont_appraise fsmagic=0x63677270
        dont_appraise fsmagic=0x6e736673
        dont_appraise fsmagic=0xde5e81e4
        dont_appraise fsmagic=0x858458f6
        appraise func=POLICY_CHECK appraise_type=imasig
        appraise fowner=0

        """;

    const string SecureBoot =
        """
        appraise func=MODULE_CHECK appraise_type=imasig
        appraise func=FIRMWARE_CHECK appraise_type=imasig
        appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig
        appraise func=POLICY_CHECK appraise_type=imasig

        """;

    const string CriticalData = "measure func=CRITICAL_DATA\n";

    [Theory]
    [InlineData("tcb", Tcb)]
    [InlineData("ima_tcb", ImaTcb)]
    [InlineData("appraise_tcb", AppraiseTcb)]
    [InlineData("secure_boot", SecureBoot)]
    [InlineData("critical_data", CriticalData)]
    [InlineData("fail_securely", "")]
    public void Policy_is_the_kernels_line_by_line(string name, string text)
    {
        IReadOnlyList<ImaRule> rules = BuiltInPolicies.RulesOf(name);
        Assert.Equal(text, KernelPolicyText.Of(rules));
        Assert.All(rules, rule => Assert.Equal($"built-in {name}", rule.Origin));
        Assert.Equal(text, KernelPolicyText.Of(YamlPolicyReader.Read($"version: 1\ninclude: {name}", "test").Rules));
        Assert.Equal(text, KernelPolicyText.Of(YamlPolicyReader.Read(YamlPolicyText.Of(rules), "test").Rules));
    }

    [Fact]
    public void Policies_are_put_together_in_the_kernels_order() => Assert.Equal(
        Tcb + SecureBoot + AppraiseTcb + CriticalData,
        KernelPolicyText.Of(BuiltInPolicies.RulesOf(["critical_data", "appraise_tcb", "fail_securely", "tcb", "secure_boot"])));

    [Fact]
    public void Names_are_those_of_the_kernel_and_our_own() => Assert.Equal(
        ["tcb", "ima_tcb", "secure_boot", "appraise_tcb", "critical_data", "exec", "packages", "fail_securely"],
        BuiltInPolicies.Names);
}
