using ImaHost.Engine;
using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Engine;

public sealed class QuestionTests
{
    static readonly Subject Root = new(0, 0, 0, 0);
    static readonly Target Plain = new(0xef53, 0, 0);

    /// <summary>Rules, the hook, what is asked ("m", "a"), and whether that holds for whoever comes next.</summary>
    public static TheoryData<string, string, string, bool> Questions => new()
    {
        { "", "BPRM_CHECK", "", true },
        { "", "FILE_CHECK", "", true },
        { "measure func=BPRM_CHECK", "BPRM_CHECK", "m", true },
        { "measure func=BPRM_CHECK", "MMAP_CHECK", "", false },
        { "measure func=BPRM_CHECK", "FILE_CHECK", "", false },
        { "measure func=BPRM_CHECK\nappraise func=MMAP_CHECK", "BPRM_CHECK", "m", false },
        { "measure func=BPRM_CHECK\nappraise func=MMAP_CHECK", "MMAP_CHECK", "a", false },
        { "measure", "BPRM_CHECK", "m", true },
        { "measure", "FILE_CHECK", "m", true },
        { "measure", "MMAP_CHECK", "m", true },
        { "measure\nappraise func=BPRM_CHECK", "FILE_CHECK", "m", false },
        { "measure\nappraise func=BPRM_CHECK", "BPRM_CHECK", "ma", true },
        { "measure func=FILE_CHECK mask=MAY_READ", "FILE_CHECK", "m", true },
        { "measure func=FILE_CHECK mask=MAY_READ", "MMAP_CHECK", "m", true },
        { "measure func=FILE_CHECK mask=MAY_READ", "BPRM_CHECK", "", false },
        { "measure func=FILE_CHECK mask=MAY_EXEC", "BPRM_CHECK", "m", true },
        { "measure func=FILE_CHECK mask=MAY_EXEC", "FILE_CHECK", "", false },
        { "measure func=MMAP_CHECK mask=MAY_EXEC", "MMAP_CHECK", "m", true },
        { "measure func=BPRM_CHECK mask=MAY_READ", "BPRM_CHECK", "", true },
        { "dont_measure fowner=0\nmeasure func=BPRM_CHECK", "BPRM_CHECK", "", true },
        { "measure func=BPRM_CHECK fowner=0", "BPRM_CHECK", "m", true },
        { "measure func=BPRM_CHECK fowner=7", "FILE_CHECK", "", true },
        { "measure uid=0", "BPRM_CHECK", "m", false },
        { "measure\nappraise egid=5", "BPRM_CHECK", "m", false },
        { "dont_measure uid=5", "BPRM_CHECK", "", false },
    };

    [Theory]
    [MemberData(nameof(Questions))]
    public void Ask_finds_what_is_asked_and_whether_it_holds_for_all(string rules, string hook, string asked, bool holds)
    {
        ImaPolicy policy = KernelPolicyReader.Read(rules, "test");
        Question question = Question.Ask(policy, ImaHooks.Parse(hook)!.Value, in Root, in Plain, isRegular: true);
        Assert.Equal(asked, Asked(question.Decision));
        Assert.Equal(holds, question.HoldsForAll);
        Assert.Equal(policy.Fingerprint, question.Policy);
        Assert.Equal(hook, question.Hook.Name());
    }

    [Fact]
    public void Ask_wants_nothing_of_what_is_no_regular_file_and_lets_nobody_keep_that()
    {
        ImaPolicy policy = KernelPolicyReader.Read("measure\nappraise", "test");
        Question question = Question.Ask(policy, ImaHook.FileCheck, in Root, in Plain, isRegular: false);
        Assert.True(question.Decision.IsNothing);
        Assert.False(question.HoldsForAll);
    }

    [Fact]
    public void Ask_lets_a_verdict_be_kept_only_if_every_other_access_asks_for_no_more()
    {
        var random = new Random(8);
        for (int round = 0; round < 3000; round++)
        {
            ImaPolicy policy = RandomPolicy(random);
            var subject = new Subject((uint)random.Next(3), 0, 0, 0);
            var target = new Target(0, (uint)random.Next(2), 0);
            Question question = Question.Ask(policy, (ImaHook)random.Next(3), in subject, in target, isRegular: true);
            if (question.HoldsForAll)
            {
                AssertHolds(policy, in question, in target);
            }
        }
    }

    [Fact]
    public void Ask_makes_an_entry_for_each_hook_that_wants_another()
    {
        ImaPolicy policy = KernelPolicyReader.Read(
            "measure func=FILE_CHECK mask=MAY_READ pcr=23\nmeasure func=MMAP_CHECK\nmeasure func=BPRM_CHECK", "test");
        PolicyDecision map = Question.Ask(policy, ImaHook.MmapCheck, default, default, isRegular: true).Decision;
        Assert.Equal((23, (int?)null), (map.Measure?.Pcr, map.Also?.Pcr));
        Assert.Equal(ImaHook.MmapCheck, map.Also?.Func);
        PolicyDecision read = Question.Ask(policy, ImaHook.FileCheck, default, default, isRegular: true).Decision;
        Assert.Null(read.Also);
        Assert.Equal(23, read.Measure?.Pcr);
    }

    [Fact]
    public void Ask_makes_one_entry_where_both_hooks_want_the_same()
    {
        ImaPolicy policy = KernelPolicyReader.Read("measure pcr=12 template=ima-ng", "test");
        PolicyDecision map = Question.Ask(policy, ImaHook.MmapCheck, default, default, isRegular: true).Decision;
        Assert.Equal((12, "ima-ng"), (map.Measure?.Pcr, map.Measure?.Template?.Name));
        Assert.Null(map.Also);
    }

    static void AssertHolds(ImaPolicy policy, in Question question, in Target target)
    {
        foreach (ImaHook hook in (ImaHook[])[ImaHook.FileCheck, ImaHook.MmapCheck, ImaHook.BprmCheck])
        {
            for (uint uid = 0; uid < 3; uid++)
            {
                Question other = Question.Ask(policy, hook, new Subject(uid, 0, 0, 0), in target, isRegular: true);
                Assert.True(question.Decision.Covers(other.Decision), $"{policy}{question.Hook} before {hook} of uid {uid}");
            }
        }
    }

    static ImaPolicy RandomPolicy(Random random)
    {
        string[] actions = ["measure", "dont_measure", "appraise", "dont_appraise"];
        string[] hooks = ["", " func=FILE_CHECK", " func=MMAP_CHECK", " func=BPRM_CHECK"];
        string[] masks = ["", " mask=MAY_EXEC", " mask=MAY_READ", " mask=^MAY_EXEC"];
        string[] conditions = ["", "", "", " uid=1", " fowner=1"];
        string[] options = ["", " pcr=11", " template=ima-ng"];
        IEnumerable<string> lines = Enumerable.Range(0, random.Next(1, 4)).Select(_ =>
        {
            string action = Pick(actions);
            return action + Pick(hooks) + Pick(masks) + Pick(conditions) + (action == "measure" ? Pick(options) : "");
        });
        return KernelPolicyReader.Read(string.Join('\n', lines), "test");

        string Pick(string[] from) => from[random.Next(from.Length)];
    }

    static string Asked(PolicyDecision decision) =>
        (decision.Measure != null ? "m" : "") + (decision.Appraise != null ? "a" : "");
}
