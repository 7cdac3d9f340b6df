using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class ImaPolicyTests
{
    static readonly Subject Root = new(0, 0, 0, 0);
    static readonly Target Plain = new(0xef53, 0, 0);

    [Theory]
    [InlineData("measure\ndont_measure", "measure", "-")]
    [InlineData("dont_measure\nmeasure", "-", "-")]
    [InlineData("dont_measure\nappraise\nmeasure", "-", "appraise")]
    [InlineData("dont_appraise\nmeasure\nappraise", "measure", "-")]
    [InlineData("appraise\nmeasure", "measure", "appraise")]
    [InlineData("measure fowner=5\nmeasure fowner=0", "measure fowner=0", "-")]
    [InlineData("dont_measure fowner=5\nmeasure", "measure", "-")]
    [InlineData("measure func=BPRM_CHECK\ndont_measure\nmeasure", "measure func=BPRM_CHECK", "-")]
    [InlineData("measure func=FILE_CHECK\nappraise func=MMAP_CHECK", "-", "-")]
    [InlineData("", "-", "-")]
    public void Match_takes_the_first_rule_of_each_class_of_actions(string rules, string measure, string appraise)
    {
        PolicyDecision decision = Read(rules).Match(ImaHook.BprmCheck, AccessMask.Exec, in Root, in Plain);
        Assert.Equal(measure, decision.Measure?.ToString() ?? "-");
        Assert.Equal(appraise, decision.Appraise?.ToString() ?? "-");
        Assert.Equal(measure == "-" && appraise == "-", decision.IsNothing);
    }

    [Theory]
    [InlineData("MAY_EXEC", AccessMask.Exec, true)]
    [InlineData("MAY_EXEC", AccessMask.Read, false)]
    [InlineData("MAY_EXEC", AccessMask.Exec | AccessMask.Read, false)]
    [InlineData("^MAY_EXEC", AccessMask.Exec, true)]
    [InlineData("^MAY_EXEC", AccessMask.Exec | AccessMask.Read, true)]
    [InlineData("^MAY_EXEC", AccessMask.Read, false)]
    [InlineData("MAY_READ", AccessMask.Read, true)]
    [InlineData("MAY_READ", AccessMask.Exec | AccessMask.Read, false)]
    [InlineData("^MAY_READ", AccessMask.Exec | AccessMask.Read, true)]
    [InlineData("^MAY_READ", AccessMask.None, false)]
    internal void Match_compares_the_mask_as_a_whole_or_as_a_part(string mask, AccessMask access, bool expected)
    {
        PolicyDecision decision = Read($"measure mask={mask}").Match(ImaHook.FileCheck, access, in Root, in Plain);
        Assert.Equal(expected, decision.Measure != null);
    }

    [Theory]
    [InlineData("uid=5", true)]
    [InlineData("uid=6", false)]
    [InlineData("uid<6", true)]
    [InlineData("uid<5", false)]
    [InlineData("uid>4", true)]
    [InlineData("uid>5", false)]
    [InlineData("euid=6", true)]
    [InlineData("euid=5", false)]
    [InlineData("gid=7", true)]
    [InlineData("gid=5", false)]
    [InlineData("egid=8", true)]
    [InlineData("egid<8", false)]
    [InlineData("fowner=9", true)]
    [InlineData("fowner>9", false)]
    [InlineData("fgroup=10", true)]
    [InlineData("fgroup=9", false)]
    [InlineData("fsmagic=0xef53", true)]
    [InlineData("fsmagic=0xef54", false)]
    [InlineData("uid=5 fowner=9 fgroup<11", true)]
    [InlineData("uid=5 fowner=9 fgroup<10", false)]
    public void Match_asks_for_all_conditions_of_a_rule(string conditions, bool expected)
    {
        PolicyDecision decision = Read($"appraise {conditions}").Match(
            ImaHook.FileCheck, AccessMask.Read, new Subject(5, 6, 7, 8), new Target(0xef53, 9, 10));
        Assert.Equal(expected, decision.Appraise != null);
    }

    [Theory]
    [InlineData("FILE_CHECK", ImaHook.FileCheck)]
    [InlineData("PATH_CHECK", ImaHook.FileCheck)]
    [InlineData("MMAP_CHECK", ImaHook.MmapCheck)]
    [InlineData("FILE_MMAP", ImaHook.MmapCheck)]
    [InlineData("BPRM_CHECK", ImaHook.BprmCheck)]
    internal void Match_compares_the_hook_under_each_of_its_names(string name, ImaHook hook)
    {
        foreach (ImaHook other in Enum.GetValues<ImaHook>())
        {
            PolicyDecision decision = Read($"measure func={name}").Match(other, AccessMask.Read, in Root, in Plain);
            Assert.Equal(other == hook, decision.Measure != null);
        }
    }

    [Fact]
    public void Fingerprint_differs_when_the_rules_or_their_order_do()
    {
        string[] policies =
        [
            "", "measure", "appraise", "measure\nappraise", "appraise\nmeasure", "measure\nmeasure", "measure uid=1",
            "measure uid<1", "measure uid=2", "measure euid=1", "measure mask=MAY_READ", "measure mask=^MAY_READ",
        ];
        Assert.Equal(policies.Length, policies.Select(text => Read(text).Fingerprint).Distinct().Count());
    }

    [Fact]
    public void Fingerprint_stays_when_only_comments_and_blanks_change() =>
        Assert.Equal(Read("measure uid=1").Fingerprint, Read("# why\n\n  measure\tuid=1\n").Fingerprint);

    [Theory]
    [InlineData("measure fowner=0 fgroup=0 func=BPRM_CHECK", false, false)]
    [InlineData("measure uid=0 func=BPRM_CHECK", true, false)]
    [InlineData("measure euid=0 func=MMAP_CHECK", true, false)]
    [InlineData("measure gid=0 func=BPRM_CHECK", true, false)]
    [InlineData("dont_measure egid=0 func=BPRM_CHECK", true, false)]
    [InlineData("measure", false, true)]
    [InlineData("appraise func=FILE_CHECK", false, true)]
    [InlineData("dont_measure func=FILE_CHECK\ndont_appraise", false, false)]
    public void Policy_knows_what_its_rules_ask_about(string rules, bool subject, bool reads)
    {
        ImaPolicy policy = Read(rules);
        Assert.Equal(subject, policy.AsksAboutSubject);
        Assert.Equal(reads, policy.AsksAboutReads);
    }

    [Fact]
    public void Built_in_policy_is_about_programs_and_what_they_map()
    {
        Assert.Equal(
            "measure func=BPRM_CHECK\nmeasure func=MMAP_CHECK\nappraise func=BPRM_CHECK\nappraise func=MMAP_CHECK\n",
            ImaPolicy.Exec.ToString());
        Assert.False(ImaPolicy.Exec.AsksAboutReads);
        Assert.False(ImaPolicy.Exec.AsksAboutSubject);
    }

    static ImaPolicy Read(string rules) => KernelPolicyReader.Read(rules, "test");
}
