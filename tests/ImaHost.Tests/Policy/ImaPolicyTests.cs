using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class ImaPolicyTests
{
    static readonly SampleAccess Exec = new() { Hook = ImaHook.BprmCheck, Mask = AccessMask.Exec };

    [Theory]
    [InlineData("measure\ndont_measure", "measure")]
    [InlineData("dont_measure\nmeasure", "")]
    [InlineData("dont_measure\nappraise\nmeasure", "appraise")]
    [InlineData("dont_appraise\nmeasure\nappraise", "measure")]
    [InlineData("appraise\nmeasure", "measure, appraise")]
    [InlineData("measure fowner=5\nmeasure fowner=0", "measure fowner=0")]
    [InlineData("dont_measure fowner=5\nmeasure", "measure")]
    [InlineData("measure func=BPRM_CHECK\ndont_measure\nmeasure", "measure func=BPRM_CHECK")]
    [InlineData("measure func=FILE_CHECK\nappraise func=MMAP_CHECK", "")]
    [InlineData("audit\nhash", "audit, hash")]
    [InlineData("dont_hash\naudit\nhash", "audit")]
    [InlineData("hash\nappraise", "appraise")]
    [InlineData("hash\ndont_appraise", "hash")]
    [InlineData("dont_hash\ndont_appraise\ndont_measure\nhash\nappraise\nmeasure\naudit", "audit")]
    [InlineData("audit fowner=5", "")]
    [InlineData("", "")]
    public void Match_takes_the_first_rule_of_each_class_of_actions(string rules, string expected)
    {
        PolicyDecision decision = Exec.Match(Policies.Read(rules));
        ImaRule?[] asked = [.. decision.Measure, .. decision.Appraise, decision.Audit, decision.Hash];
        Assert.Equal(expected, string.Join(", ", asked.OfType<ImaRule>()));
        Assert.Equal(expected.Length == 0, decision.IsNothing);
    }

    [Fact]
    public void Fingerprint_differs_when_the_rules_or_their_order_do()
    {
        string[] policies =
        [
            "", "measure", "appraise", "measure\nappraise", "appraise\nmeasure", "measure\nmeasure", "measure uid=1",
            "measure uid<1", "measure uid=2", "measure euid=1", "measure mask=MAY_READ", "measure mask=^MAY_READ",
            "measure imahost.path=/a", "measure imahost.exe=/a", "measure imahost.mount=/a",
        ];
        IEnumerable<ImaPolicy> all = policies.Select(Policies.Read).Append(new ImaPolicy([], failsSecurely: true));
        Assert.Equal(policies.Length + 1, all.Select(policy => policy.Fingerprint).Distinct().Count());
    }

    [Fact]
    public void Fingerprint_stays_when_only_comments_and_blanks_change() => Assert.Equal(
        Policies.Read("measure uid=1").Fingerprint, Policies.Read("# why\n\n  measure\tuid=1\n").Fingerprint);

    [Fact]
    public void Fingerprint_differs_when_another_filesystem_is_mounted_at_a_place()
    {
        ImaPolicy policy = Policies.Read("measure imahost.mount=/srv");
        ImaPolicy first = policy.Resolve(_ => new DeviceNumber(8, 1));
        ImaPolicy second = first.Resolve(_ => new DeviceNumber(8, 2));
        Assert.Equal(3, new[] { policy, first, second }.Select(one => one.Fingerprint).Distinct().Count());
        Assert.Same(second, second.Resolve(_ => new DeviceNumber(8, 2)));
        Assert.Equal(policy.Fingerprint, second.Resolve(_ => null).Fingerprint);
    }

    [Fact]
    public void Policy_without_mounts_does_not_look_for_them()
    {
        ImaPolicy policy = Policies.Read("measure\nappraise fowner=0");
        Assert.Same(policy, policy.Resolve(_ => throw new InvalidOperationException("looked for a mount")));
    }

    [Theory]
    [InlineData("measure fowner=0 fgroup=0 func=BPRM_CHECK", SubjectFacts.None, false)]
    [InlineData("measure uid=0 func=BPRM_CHECK", SubjectFacts.Ids, false)]
    [InlineData("measure euid=0 func=MMAP_CHECK", SubjectFacts.Ids | SubjectFacts.Capabilities, false)]
    [InlineData("measure gid=0 func=BPRM_CHECK", SubjectFacts.Ids, false)]
    [InlineData("dont_measure egid=0 func=BPRM_CHECK", SubjectFacts.Ids | SubjectFacts.Capabilities, false)]
    [InlineData("audit imahost.exe=/bin/sh func=BPRM_CHECK", SubjectFacts.Executable, false)]
    [InlineData("audit imahost.cgroup=/a func=BPRM_CHECK", SubjectFacts.Cgroup, false)]
    [InlineData("audit imahost.container=ab* func=BPRM_CHECK", SubjectFacts.Cgroup, false)]
    [InlineData("measure", SubjectFacts.None, true)]
    [InlineData("appraise func=FILE_CHECK", SubjectFacts.None, true)]
    [InlineData("measure func=FILE_CHECK mask=MAY_EXEC", SubjectFacts.None, false)]
    [InlineData("measure func=FILE_CHECK mask=^MAY_READ", SubjectFacts.None, true)]
    [InlineData("measure func=MODULE_CHECK", SubjectFacts.None, true)]
    [InlineData("measure func=FIRMWARE_CHECK", SubjectFacts.None, true)]
    [InlineData("appraise func=KEXEC_INITRAMFS_CHECK", SubjectFacts.None, true)]
    [InlineData("measure func=CREDS_CHECK", SubjectFacts.None, false)]
    [InlineData("measure func=CRITICAL_DATA", SubjectFacts.None, false)]
    [InlineData("dont_measure func=FILE_CHECK\ndont_appraise", SubjectFacts.None, false)]
    internal void Policy_knows_what_its_rules_ask_about(string rules, SubjectFacts subject, bool reads)
    {
        ImaPolicy policy = Policies.Read(rules);
        Assert.Equal(subject, policy.AsksSubject);
        Assert.Equal(reads, policy.AsksAboutReads);
    }

    [Theory]
    [InlineData("measure fowner=0 fsmagic=0x1", TargetFacts.None)]
    [InlineData("measure fsname=ext4", TargetFacts.FsType)]
    [InlineData("measure fsuuid=00000000-0000-0000-0000-000000000001", TargetFacts.FsUuid)]
    [InlineData("measure imahost.path=/a\nmeasure fsname=ext4", TargetFacts.Path | TargetFacts.FsType)]
    internal void Policy_knows_what_its_rules_ask_of_files(string rules, TargetFacts expected) =>
        Assert.Equal(expected, Policies.Read(rules).AsksTarget);

    [Fact]
    public void Default_policy_is_about_programs_and_what_they_map()
    {
        Assert.Equal(
            "measure func=BPRM_CHECK\nmeasure func=MMAP_CHECK\nappraise func=BPRM_CHECK\nappraise func=MMAP_CHECK\n",
            ImaPolicy.Default.ToString());
        Assert.False(ImaPolicy.Default.AsksAboutReads);
        Assert.Equal(SubjectFacts.None, ImaPolicy.Default.AsksSubject);
    }
}
