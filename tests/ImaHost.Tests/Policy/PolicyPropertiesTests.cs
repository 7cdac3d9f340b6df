using System.Text;
using ImaHost.Engine;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

/// <summary>What must hold of every policy and every access, held against the plainest way to decide.</summary>
public sealed class PolicyPropertiesTests
{
    static readonly ImaHook[] FileHooks = [.. Enum.GetValues<ImaHook>().Where(hook => hook.IsOfAccess())];
    static readonly string[] Actions = [.. ImaActions.Names];
    static readonly string[] Hooks = ["FILE_CHECK", "MMAP_CHECK", "BPRM_CHECK", "CREDS_CHECK", "MODULE_CHECK", "MMAP_CHECK_REQPROT"];
    static readonly string[] Masks = ["MAY_READ", "^MAY_READ", "MAY_EXEC", "^MAY_WRITE"];
    static readonly string[] Paths = ["/a", "/a/b", "/a/b/c.so", "/b", "/", "", "/x/y", "/x/an-ending-of-many-letters", "/x/no-ending-of-many-letters", Deep + "f", Deep + "g"];

    static readonly string[] Conditions =
    [
        "uid=0", "uid=1", "uid=2", "uid<1", "uid<0", "uid>0", "uid>4294967294", "gid>0", "fgroup<2", "euid=0", "euid=1", "gid=0", "gid=1", "egid>0", "fowner=0", "fowner=1",
        "fowner>0", "fgroup=0", "fgroup=1", "fsmagic=0x1", "fsmagic=0x2", "fsname=ext4", "fsname=xfs",
        "fsuuid=00000000-0000-0000-0000-000000000001", "obj_type=t", "subj_type=t", "imahost.path=/a", "imahost.path=/a/**",
        "imahost.path=/a/b/*|/b", "imahost.path=**/b", "imahost.path=/*", "imahost.path=/a/b",
        "imahost.path=**.so", "imahost.path=**/c.so|/b", "imahost.path=**y|**/c.*", "imahost.path=**/an-ending-of-many-letters", "imahost.path=" + Deep + "*",
        "imahost.exe=/bin/sh", "imahost.exe=/bin/*", "imahost.exe=**/ls", "imahost.cgroup=/c/**", "imahost.cgroup=/c/d|/", "imahost.container=*", "imahost.mount=/m1",
        "imahost.mount=/m2", "imahost.mount=/none",
    ];

    /// <summary>More directories than a path has keys.</summary>
    static string Deep => string.Concat(Enumerable.Repeat("/d", 70)) + "/";

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public void Match_finds_what_the_first_matching_rule_of_each_class_asks(int seed)
    {
        var random = new Random(seed);
        int asked = 0;
        for (int round = 0; round < 3000; round++)
        {
            ImaPolicy policy = NextPolicy(random, random.Next(1, random.Next(2, 30)));
            for (int i = 0; i < 20; i++)
            {
                SampleAccess access = NextAccess(random) with { Hook = Pick(random, FileHooks) };
                PolicyDecision decision = access.Match(policy);
                Assert.Equal(Describe(Naive(policy, access)), Describe(Asked(decision)));
                asked += decision.IsNothing ? 0 : 1;
            }
        }

        Assert.True(asked > 10000, $"only {asked} accesses were asked about");
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    public void Verdict_is_kept_only_if_no_other_access_of_the_file_asks_for_more(int seed)
    {
        var random = new Random(seed);
        int kept = 0;
        for (int round = 0; round < 8000; round++)
        {
            ImaPolicy policy = NextPolicy(random, random.Next(1, 5));
            SampleAccess access = NextAccess(random) with { Hook = Pick(random, ImaHook.FileCheck, ImaHook.MmapCheck, ImaHook.BprmCheck) };
            Question question = access.Ask(policy, Pick<ImaHook?>(random, null, ImaHook.ModuleCheck));
            if (!question.HoldsForAll)
            {
                continue;
            }

            kept++;
            for (int i = 0; i < 40; i++)
            {
                AssertCovers(policy, question.Decision, access, NextAccess(random));
            }
        }

        Assert.True(kept > 1000, $"only {kept} verdicts were kept");
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        var random = new Random(41);
        ImaPolicy[] policies =
            [NextPolicy(random, 1000), NextPolicy(random, 30), Policies.Read(BuiltIns), ImaPolicy.Default, new ImaPolicy([])];
        SampleAccess[] accesses = [.. Enumerable.Range(0, 50).Select(_ => NextAccess(random))];
        foreach (ImaPolicy policy in policies)
        {
            foreach (SampleAccess access in accesses)
            {
                AccessFacts facts = access.Facts;
                // What the runtime allocates once, to compile a method anew, is not ours.
                long least = long.MaxValue;
                for (int batch = 0; batch < 3 && least > 0; batch++)
                {
                    least = Math.Min(least, Allocated(policy, in facts, rounds: 20));
                }

                Assert.Equal(0, least);
            }
        }
    }

    static string BuiltIns => KernelPolicyText.Of(BuiltInPolicies.RulesOf([.. BuiltInPolicies.Names]));

    static long Allocated(ImaPolicy policy, in AccessFacts facts, int rounds)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < rounds; i++)
        {
            var decision = default(PolicyDecision);
            policy.Match(in facts, ref decision);
            _ = Question.Ask(policy, facts.At(ImaHook.MmapCheck, facts.Mask), ImaHook.ModuleCheck, isRegular: true);
            _ = Question.Ask(policy, facts.At(ImaHook.BprmCheck, facts.Mask), null, isRegular: true);
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>Another access of the same file, by anybody in any way.</summary>
    static void AssertCovers(ImaPolicy policy, PolicyDecision decision, SampleAccess first, SampleAccess other)
    {
        SampleAccess same = first with
        {
            Subject = other.Subject,
            Mask = other.Mask,
            Path = other.Path,
            Known = (first.Known & ~TargetFacts.Path) | (other.Known & TargetFacts.Path),
        };
        foreach (ImaHook hook in FileHooks)
        {
            foreach (ImaRule rule in Naive(policy, same with { Hook = hook }))
            {
                bool covered = rule.Action.Class() switch
                {
                    ActionClass.Measure => decision.Measure.ToArray().Any(one => one.DoesSame(rule)),
                    ActionClass.Appraise => decision.Appraise.ToArray().Any(one => one.DoesSame(rule)),
                    ActionClass.Audit => decision.Audit != null,
                    // What is appraised and passes has its digest already, or a signature.
                    ActionClass.Hash or _ => decision.Hash != null || decision.Appraises,
                };
                if (!covered)
                {
                    Assert.Fail($"{policy}{first}\nwas kept although {rule} is asked of\n{same with { Hook = hook }}");
                }
            }
        }
    }

    /// <summary>ima_match_policy as it reads: rule after rule, the first of each class; what is appraised is not hashed.</summary>
    static List<ImaRule> Naive(ImaPolicy policy, SampleAccess access)
    {
        var first = new Dictionary<ActionClass, ImaRule>();
        AccessFacts facts = access.Facts;
        foreach (ImaRule rule in policy.Rules)
        {
            if (rule.IsAbout(access.Hook) && rule.Matches(in facts))
            {
                _ = first.TryAdd(rule.Action.Class(), rule);
            }
        }

        bool appraises = first.TryGetValue(ActionClass.Appraise, out ImaRule? appraise) && appraise.Action == ImaAction.Appraise;
        return [.. first.Values.Where(rule => rule.Action.IsPositive() && !(rule.Action == ImaAction.Hash && appraises))];
    }

    static List<ImaRule> Asked(PolicyDecision decision)
    {
        ImaRule?[] asked = [.. decision.Measure, .. decision.Appraise, decision.Audit, decision.Hash];
        return [.. asked.OfType<ImaRule>()];
    }

    static string Describe(List<ImaRule> rules) => string.Join(
        '\n', rules.OrderBy(rule => rule.Action).Select(rule => $"{rule} {rule.Origin}"));

    static ImaPolicy NextPolicy(Random random, int count)
    {
        var rules = new List<ImaRule>();
        while (rules.Count < count)
        {
            string action = Pick(random, Actions);
            string what = action switch
            {
                "measure" => Pick(random, "", "", " pcr=11", " template=ima-sig", " pcr=11 imahost.reason=x"),
                "appraise" => Pick(random, "", "", " appraise_algos=sha256", " appraise_algos=sha512"),
                _ => "",
            };
            string func = Pick(random, "", "", $" func={Pick(random, Hooks)}");
            string mask = Pick(random, "", "", $" mask={Pick(random, Masks)}");
            string conditions = string.Concat(
                Enumerable.Range(0, random.Next(3)).Select(_ => $" {Pick(random, Conditions)}"));
            try
            {
                rules.Add(KernelPolicyReader.ReadRule(action + func + mask + what + conditions, "random", rules.Count + 1)!);
            }
            catch (PolicyException)
            {
                // An option twice, or two that exclude each other.
            }
        }

        return new ImaPolicy(rules).Resolve(
            point => point == "/m1" ? new DeviceNumber(8, 1) : point == "/m2" ? new DeviceNumber(8, 2) : null);
    }

    static SampleAccess NextAccess(Random random)
    {
        var subject = new Subject
        {
            Known = (SubjectFacts)random.Next(32) | Pick(random, SubjectFacts.None, (SubjectFacts)31),
            Uid = (uint)random.Next(3),
            Euid = (uint)random.Next(3),
            Suid = (uint)random.Next(3),
            Gid = (uint)random.Next(3),
            Egid = (uint)random.Next(3),
            Sgid = (uint)random.Next(3),
            MaySetUid = random.Next(3) == 0,
            MaySetGid = random.Next(3) == 0,
        };
        subject.Executable.Append(Encoding.UTF8.GetBytes(Pick(random, "/bin/sh", "/bin/ls", "")));
        subject.Cgroup.Append(Encoding.UTF8.GetBytes(Pick(random, "/c/d", "/", "/docker/" + new string('a', 64))));
        return new SampleAccess
        {
            Mask = Pick<AccessMask?>(random, null, AccessMask.Read, AccessMask.Exec, AccessMask.Write, AccessMask.Read | AccessMask.Write),
            Subject = subject,
            Known = (TargetFacts)random.Next(16) | Pick(random, TargetFacts.None, TargetFacts.Path),
            FsMagic = random.Next(3),
            Device = new DeviceNumber(8, (uint)random.Next(3)),
            FsType = Pick(random, "ext4", "xfs", "vfat"),
            FsUuid = Pick<Guid?>(random, null, Guid.Parse("00000000-0000-0000-0000-000000000001")),
            Owner = (uint)random.Next(3),
            Group = (uint)random.Next(3),
            Mode = Pick<ushort>(random, 0x81ed, 0x89ed, 0x85ed),
            Path = Pick(random, Paths),
            Label = Pick(random, "", "u:r:t"),
        };
    }

    static T Pick<T>(Random random, params T[] from) => from[random.Next(from.Length)];
}
