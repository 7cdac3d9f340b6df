using ImaHost.Engine;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Engine;

public sealed class QuestionTests
{
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
        { "measure func=BPRM_CHECK mask=MAY_READ", "BPRM_CHECK", "", false },
        { "dont_measure fowner=0\nmeasure func=BPRM_CHECK", "BPRM_CHECK", "", true },
        { "measure func=BPRM_CHECK fowner=0", "BPRM_CHECK", "m", true },
        { "measure func=BPRM_CHECK fowner=7", "FILE_CHECK", "", true },
        { "measure uid=0", "BPRM_CHECK", "m", true },
        { "measure uid=5", "BPRM_CHECK", "", false },
        { "measure uid=5\nmeasure pcr=11", "BPRM_CHECK", "m", false },
        { "measure\nappraise egid=5", "BPRM_CHECK", "m", false },
        { "dont_measure uid=5", "BPRM_CHECK", "", true },
        { "dont_measure uid=0\nmeasure", "BPRM_CHECK", "", false },
        { "dont_measure uid=5\nmeasure", "BPRM_CHECK", "m", true },
    };

    [Theory]
    [MemberData(nameof(Questions))]
    public void Ask_finds_what_is_asked_and_whether_it_holds_for_all(string rules, string hook, string asked, bool holds)
    {
        ImaPolicy policy = Policies.Read(rules);
        Question question = new SampleAccess { Hook = ImaHooks.Parse(hook)!.Value }.Ask(policy);
        Assert.Equal(asked, Asked(question.Decision));
        Assert.Equal(holds, question.HoldsForAll);
        Assert.Equal(policy.Fingerprint, question.Policy);
        Assert.Equal(hook, question.Hook.Name());
    }

    [Fact]
    public void Ask_wants_nothing_of_what_is_no_regular_file_and_lets_nobody_keep_that()
    {
        Question question = new SampleAccess().Ask(Policies.Read("measure\nappraise"), isRegular: false);
        Assert.True(question.Decision.IsNothing);
        Assert.False(question.HoldsForAll);
    }

    [Fact]
    public void Ask_makes_an_entry_for_each_hook_that_wants_another()
    {
        ImaPolicy policy = Policies.Read(
            "measure func=FILE_CHECK mask=MAY_READ pcr=23\nmeasure func=MMAP_CHECK\nmeasure func=BPRM_CHECK");
        PolicyDecision map = Map.Ask(policy).Decision;
        Assert.Equal([23, null], map.Measure.ToArray().Select(rule => rule.Pcr));
        Assert.Equal(ImaHook.MmapCheck, map.Measure[1].Func);
        PolicyDecision read = new SampleAccess().Ask(policy).Decision;
        Assert.Equal([23], read.Measure.ToArray().Select(rule => rule.Pcr));
    }

    [Fact]
    public void Ask_makes_one_entry_where_both_hooks_want_the_same()
    {
        PolicyDecision map = Map.Ask(Policies.Read("measure pcr=12 template=ima-ng")).Decision;
        ImaRule only = Assert.Single(map.Measure.ToArray());
        Assert.Equal((12, "ima-ng"), (only.Pcr, only.Template?.Name));
    }

    [Fact]
    public void Ask_has_room_for_every_hook_that_an_access_passes()
    {
        string rules = string.Concat(
            Hooks.Select((hook, i) => $"measure func={hook} pcr={i}\nappraise func={hook} appraise_algos={Algorithms[i]}\n"));
        ImaPolicy policy = Policies.Read(rules);
        Question map = Map.Ask(policy, loads: ImaHook.ModuleCheck);
        Assert.Equal([0, 1, 2, 5], map.Decision.Measure.ToArray().Select(rule => rule.Pcr ?? -1));
        Assert.Equal(4, map.Decision.Appraise.Length);
        Question exec = new SampleAccess { Hook = ImaHook.BprmCheck }.Ask(policy, loads: ImaHook.ModuleCheck);
        Assert.Equal([0, 3, 4, 5], exec.Decision.Measure.ToArray().Select(rule => rule.Pcr ?? -1));
    }

    [Theory]
    [InlineData("MODULE_CHECK", ImaHook.ModuleCheck, true)]
    [InlineData("MODULE_CHECK", ImaHook.FirmwareCheck, false)]
    [InlineData("MODULE_CHECK mask=MAY_READ", ImaHook.ModuleCheck, true)]
    [InlineData("KEXEC_KERNEL_CHECK", ImaHook.KexecKernelCheck, true)]
    internal void Ask_counts_an_open_of_what_the_kernel_loads_as_loading_it(string func, ImaHook loads, bool expected)
    {
        ImaPolicy policy = Policies.Read($"measure func={func}");
        Assert.Equal(expected, new SampleAccess().Ask(policy, loads).Decision.Measures);
        Assert.False(new SampleAccess().Ask(policy).Decision.Measures);
    }

    [Fact]
    public void Ask_looks_at_a_set_user_id_program_with_the_ids_it_gives()
    {
        var exec = new SampleAccess { Hook = ImaHook.BprmCheck, Subject = SampleAccess.SubjectOf(5, 5, 6, 6), Mode = 0x89ed };
        Assert.True(exec.Ask(Policies.Read("measure func=CREDS_CHECK euid=0")).Decision.Measures);
        Assert.False(exec.Ask(Policies.Read("measure func=BPRM_CHECK euid=0")).Decision.Measures);
        Assert.False((exec with { Mode = 0x81ed }).Ask(Policies.Read("measure func=CREDS_CHECK euid=0")).Decision.Measures);
    }

    static readonly string[] Hooks =
        ["FILE_CHECK", "MMAP_CHECK", "MMAP_CHECK_REQPROT", "BPRM_CHECK", "CREDS_CHECK", "MODULE_CHECK"];

    static readonly string[] Algorithms = ["sha1", "sha256", "sha384", "sha512", "sha1,sha256", "sha256,sha512"];

    static SampleAccess Map => new() { Hook = ImaHook.MmapCheck };

    static string Asked(PolicyDecision decision) => (decision.Measures ? "m" : "") + (decision.Appraises ? "a" : "");
}
