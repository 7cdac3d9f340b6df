using System.Text;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

/// <summary>ima_match_rules, condition by condition.</summary>
public sealed class RuleConditionsTests
{
    const string Uuid = "6c29bbb0-1111-2222-3333-444444444444";
    const ushort Plain = 0x81ed;
    const ushort SetUserId = 0x89ed;
    const ushort SetGroupId = 0x85ed;
    const ushort SetGroupIdNoExecute = 0x85e5;

    [Theory]
    [InlineData("MAY_EXEC", AccessMask.Exec, true)]
    [InlineData("MAY_EXEC", AccessMask.Read, false)]
    [InlineData("MAY_EXEC", AccessMask.Exec | AccessMask.Read, false)]
    [InlineData("^MAY_EXEC", AccessMask.Exec, true)]
    [InlineData("^MAY_EXEC", AccessMask.Exec | AccessMask.Read, true)]
    [InlineData("^MAY_EXEC", AccessMask.Read, false)]
    [InlineData("MAY_READ", AccessMask.Read, true)]
    [InlineData("MAY_READ", AccessMask.Exec | AccessMask.Read, false)]
    [InlineData("MAY_READ", AccessMask.Read | AccessMask.Write, false)]
    [InlineData("^MAY_READ", AccessMask.Exec | AccessMask.Read, true)]
    [InlineData("^MAY_READ", AccessMask.Read | AccessMask.Write, true)]
    [InlineData("^MAY_READ", AccessMask.None, false)]
    [InlineData("MAY_WRITE", AccessMask.Write, true)]
    [InlineData("MAY_WRITE", AccessMask.Write | AccessMask.Append, false)]
    [InlineData("^MAY_WRITE", AccessMask.Write | AccessMask.Append, true)]
    [InlineData("^MAY_WRITE", AccessMask.Read, false)]
    [InlineData("MAY_APPEND", AccessMask.Append, true)]
    [InlineData("MAY_APPEND", AccessMask.Write | AccessMask.Append, false)]
    [InlineData("^MAY_APPEND", AccessMask.Write | AccessMask.Append, true)]
    [InlineData("^MAY_APPEND", AccessMask.Write, false)]
    internal void Mask_is_compared_as_a_whole_or_as_a_part(string mask, AccessMask access, bool expected) =>
        Assert.Equal(expected, new SampleAccess { Mask = access }.Matches(Policies.Rule($"measure mask={mask}")));

    [Theory]
    [InlineData("measure mask=MAY_EXEC", true)]
    [InlineData("appraise mask=^MAY_WRITE", true)]
    [InlineData("dont_measure mask=MAY_READ", false)]
    [InlineData("dont_appraise mask=^MAY_READ", false)]
    [InlineData("measure uid=7", true)]
    [InlineData("hash euid=7", true)]
    [InlineData("audit gid=7", true)]
    [InlineData("measure egid=7", true)]
    [InlineData("dont_measure uid=0", false)]
    [InlineData("dont_hash egid=0", false)]
    [InlineData("measure fsname=vfat", true)]
    [InlineData("measure fsuuid=" + Uuid, true)]
    [InlineData("dont_measure fsname=ext4", false)]
    [InlineData("measure imahost.path=/x", true)]
    [InlineData("dont_measure imahost.path=/usr/**", false)]
    [InlineData("audit imahost.exe=/x", true)]
    [InlineData("audit imahost.cgroup=/x", true)]
    [InlineData("audit imahost.container=x", true)]
    [InlineData("dont_appraise imahost.container=*", false)]
    [InlineData("measure fowner=7", false)]
    [InlineData("measure uid=7 fowner=7", false)]
    [InlineData("measure uid=7 fowner=0", true)]
    [InlineData("dont_measure uid=0 fowner=0", false)]
    public void What_is_not_known_counts_against_who_asks(string rule, bool expected) => Assert.Equal(
        expected, new SampleAccess { Mask = null, Subject = new Subject(), Known = TargetFacts.None }.Matches(Policies.Rule(rule)));

    [Theory]
    [InlineData("uid=5", true)]
    [InlineData("uid=6", false)]
    [InlineData("uid<6", true)]
    [InlineData("uid<5", false)]
    [InlineData("uid>4", true)]
    [InlineData("uid>5", false)]
    [InlineData("euid=6", true)]
    [InlineData("euid=5", false)]
    [InlineData("euid<7", true)]
    [InlineData("euid>6", false)]
    [InlineData("gid=7", true)]
    [InlineData("gid=5", false)]
    [InlineData("gid<8", true)]
    [InlineData("egid=8", true)]
    [InlineData("egid<8", false)]
    [InlineData("egid>7", true)]
    [InlineData("fowner=9", true)]
    [InlineData("fowner>9", false)]
    [InlineData("fowner<10", true)]
    [InlineData("fgroup=10", true)]
    [InlineData("fgroup=9", false)]
    [InlineData("fgroup>9", true)]
    [InlineData("fsmagic=0xef53", true)]
    [InlineData("fsmagic=0xef54", false)]
    [InlineData("uid=5 fowner=9 fgroup<11", true)]
    [InlineData("uid=5 fowner=9 fgroup<10", false)]
    public void Rule_asks_for_all_of_its_conditions(string conditions, bool expected)
    {
        var access = new SampleAccess { Subject = SampleAccess.SubjectOf(5, 6, 7, 8), Owner = 9, Group = 10 };
        Assert.Equal(expected, access.Matches(Policies.Rule($"appraise {conditions}")));
    }

    [Theory]
    [InlineData("euid=1", false, false, true)]
    [InlineData("euid=2", false, false, false)]
    [InlineData("euid=2", true, false, true)]
    [InlineData("euid=3", true, false, true)]
    [InlineData("euid=3", false, true, false)]
    [InlineData("euid=4", true, true, false)]
    [InlineData("euid>2", true, false, true)]
    [InlineData("euid>2", false, false, false)]
    [InlineData("egid=1", false, false, true)]
    [InlineData("egid=2", false, true, true)]
    [InlineData("egid=3", false, true, true)]
    [InlineData("egid=3", true, false, false)]
    [InlineData("egid<1", false, true, false)]
    [InlineData("uid=1", true, true, false)]
    [InlineData("uid=3", false, false, true)]
    public void Whoever_can_become_another_is_another(string condition, bool setUid, bool setGid, bool expected)
    {
        Subject subject = SampleAccess.SubjectOf(3, 1, 3, 1);
        (subject.Suid, subject.Sgid, subject.MaySetUid, subject.MaySetGid) = (2, 2, setUid, setGid);
        Assert.Equal(expected, new SampleAccess { Subject = subject }.Matches(Policies.Rule($"measure {condition}")));
    }

    [Fact]
    public void Effective_ids_are_not_known_without_the_capabilities()
    {
        Subject subject = SampleAccess.SubjectOf();
        subject.Known = SubjectFacts.Ids;
        var access = new SampleAccess { Subject = subject };
        Assert.True(access.Matches(Policies.Rule("measure euid=7")));
        Assert.False(access.Matches(Policies.Rule("dont_measure egid=0")));
        Assert.False(access.Matches(Policies.Rule("measure uid=7")));
    }

    [Theory]
    [InlineData("CREDS_CHECK", SetUserId, "euid=9", true)]
    [InlineData("CREDS_CHECK", SetUserId, "euid=6", false)]
    [InlineData("CREDS_CHECK", SetUserId, "uid=5", true)]
    [InlineData("CREDS_CHECK", SetUserId, "uid=9", false)]
    [InlineData("CREDS_CHECK", SetUserId, "egid=8", true)]
    [InlineData("CREDS_CHECK", SetGroupId, "egid=10", true)]
    [InlineData("CREDS_CHECK", SetGroupId, "egid=8", false)]
    [InlineData("CREDS_CHECK", SetGroupId, "gid=7", true)]
    [InlineData("CREDS_CHECK", SetGroupIdNoExecute, "egid=10", false)]
    [InlineData("CREDS_CHECK", Plain, "euid=6", true)]
    [InlineData("BPRM_CHECK", SetUserId, "euid=9", false)]
    [InlineData("BPRM_CHECK", SetUserId, "euid=6", true)]
    [InlineData("FILE_CHECK", SetGroupId, "egid=8", true)]
    public void Set_user_id_program_gives_its_ids_to_the_new_credentials(string func, ushort mode, string ids, bool expected)
    {
        var access = new SampleAccess
        {
            Hook = ImaHooks.Parse(func)!.Value, Mode = mode, Owner = 9, Group = 10, Subject = SampleAccess.SubjectOf(5, 6, 7, 8),
        };
        Assert.Equal(expected, access.Matches(Policies.Rule($"measure func={func} {ids}")));
    }

    [Fact]
    public void Exec_makes_the_saved_ids_the_effective_ones()
    {
        Subject subject = SampleAccess.SubjectOf(1, 2, 1, 2);
        (subject.Suid, subject.Sgid, subject.MaySetUid, subject.MaySetGid) = (3, 3, true, true);
        foreach ((ImaHook hook, bool expected) in new[] { (ImaHook.BprmCheck, true), (ImaHook.CredsCheck, false) })
        {
            var access = new SampleAccess { Hook = hook, Subject = subject };
            Assert.Equal(expected, access.Matches(Policies.Rule("measure euid=3")));
            Assert.Equal(expected, access.Matches(Policies.Rule("measure egid=3")));
        }
    }

    [Theory]
    [InlineData("FILE_CHECK", ImaHook.FileCheck)]
    [InlineData("PATH_CHECK", ImaHook.FileCheck)]
    [InlineData("MMAP_CHECK", ImaHook.MmapCheck)]
    [InlineData("FILE_MMAP", ImaHook.MmapCheck)]
    [InlineData("MMAP_CHECK_REQPROT", ImaHook.MmapCheckReqprot)]
    [InlineData("BPRM_CHECK", ImaHook.BprmCheck)]
    [InlineData("CREDS_CHECK", ImaHook.CredsCheck)]
    [InlineData("MODULE_CHECK", ImaHook.ModuleCheck)]
    [InlineData("FIRMWARE_CHECK", ImaHook.FirmwareCheck)]
    [InlineData("KEXEC_KERNEL_CHECK", ImaHook.KexecKernelCheck)]
    [InlineData("KEXEC_INITRAMFS_CHECK", ImaHook.KexecInitramfsCheck)]
    [InlineData("POLICY_CHECK", ImaHook.PolicyCheck)]
    [InlineData("CRITICAL_DATA", ImaHook.CriticalData)]
    internal void Func_is_one_hook_under_each_of_its_names(string name, ImaHook hook)
    {
        ImaPolicy policy = Policies.Read($"measure func={name}");
        foreach (ImaHook other in Enum.GetValues<ImaHook>())
        {
            Assert.Equal(other == hook, new SampleAccess { Hook = other }.Match(policy).Measures);
        }
    }

    [Fact]
    public void Rule_without_func_is_about_every_hook_of_files()
    {
        ImaPolicy policy = Policies.Read("measure");
        Assert.Equal(
            [ImaHook.KexecCmdline, ImaHook.KeyCheck, ImaHook.CriticalData, ImaHook.SetxattrCheck],
            Enum.GetValues<ImaHook>().Where(hook => !new SampleAccess { Hook = hook }.Match(policy).Measures));
    }

    [Theory]
    [InlineData("fsname=ext4", true)]
    [InlineData("fsname=ext", false)]
    [InlineData("fsname=ext4.x", false)]
    [InlineData("fsname=EXT4", false)]
    [InlineData("fsuuid=" + Uuid, true)]
    [InlineData("fsuuid=00000000-0000-0000-0000-000000000000", false)]
    public void Filesystem_is_told_by_its_type_and_its_uuid(string condition, bool expected)
    {
        var access = new SampleAccess
        {
            Known = TargetFacts.FsType | TargetFacts.FsUuid, FsType = "ext4", FsUuid = Guid.Parse(Uuid),
        };
        Assert.Equal(expected, access.Matches(Policies.Rule($"measure {condition}")));
    }

    [Fact]
    public void Filesystem_without_a_uuid_has_none_that_a_rule_names()
    {
        var access = new SampleAccess { Known = TargetFacts.FsUuid };
        Assert.False(access.Matches(Policies.Rule("measure fsuuid=00000000-0000-0000-0000-000000000000")));
    }

    [Theory]
    [InlineData("fuse", true)]
    [InlineData("fuse.sshfs", true)]
    [InlineData("fuse.ssh", false)]
    [InlineData("fus", false)]
    public void Filesystem_type_of_the_kernel_has_no_second_part(string type, bool expected) => Assert.Equal(
        expected,
        new SampleAccess { Known = TargetFacts.FsType, FsType = "fuse.sshfs" }.Matches(Policies.Rule($"measure fsname={type}")));

    [Theory]
    [InlineData("SELinux", "subj_user", "u", true)]
    [InlineData("SELinux", "subj_role", "r", true)]
    [InlineData("SELinux", "subj_type", "t", true)]
    [InlineData("SELinux", "subj_type", "s0", false)]
    [InlineData("SELinux", "subj_user", "u:r", false)]
    [InlineData("SELinux", "obj_type", "ot", true)]
    [InlineData("SELinux", "obj_type", "t", false)]
    [InlineData("SELinux", "obj_user", "ou", true)]
    [InlineData("Smack", "subj_user", "u:r:t:s0:c1", true)]
    [InlineData("Smack", "subj_user", "u", false)]
    [InlineData("Smack", "obj_user", "ou:or:ot:s0", true)]
    [InlineData("AppArmor", "subj_role", "u:r:t:s0:c1", true)]
    [InlineData("AppArmor", "subj_role", "r", false)]
    public void Label_is_compared_part_by_part_as_its_module_does(string module, string option, string text, bool expected)
    {
        LabelCondition condition = Label(module, option, text);
        Assert.True(condition.IsActive);
        Subject subject = SampleAccess.SubjectOf();
        subject.Known |= SubjectFacts.Label;
        subject.Label.Append("u:r:t:s0:c1"u8);
        var access = new SampleAccess { Subject = subject, Known = TargetFacts.Label, Label = "ou:or:ot:s0" };
        Assert.Equal(expected, condition.Holds(access.Facts));
        Assert.Null(condition.Holds(new SampleAccess().Facts));
        Assert.Equal(option[0] == 's', condition.AsksSubject == SubjectFacts.Label);
        Assert.Equal(option[0] == 'o', condition.AsksTarget == TargetFacts.Label);
    }

    [Theory]
    [InlineData("None", "subj_user")]
    [InlineData("None", "obj_type")]
    [InlineData("Smack", "subj_role")]
    [InlineData("Smack", "obj_type")]
    [InlineData("AppArmor", "subj_user")]
    [InlineData("AppArmor", "obj_role")]
    public void Label_that_no_module_gives_is_inactive(string module, string option)
    {
        LabelCondition condition = Label(module, option, "x");
        Assert.False(condition.IsActive);
        Assert.False(condition.Holds(new SampleAccess { Label = "x" }.Facts));
        Assert.Equal((SubjectFacts.None, TargetFacts.None), (condition.AsksSubject, condition.AsksTarget));
    }

    [Theory]
    [InlineData("", "type", false)]
    [InlineData("u:r", "r", false)]
    [InlineData("u:r:", "", true)]
    [InlineData("u:r:t", "t", true)]
    public void Label_that_is_cut_off_has_fewer_parts(string label, string type, bool expected) => Assert.Equal(
        expected, Label("SELinux", "obj_type", type).Holds(new SampleAccess { Known = TargetFacts.Label, Label = label }.Facts));

    [Theory]
    [InlineData("a|b", "a", true)]
    [InlineData("a|b", "b-1", true)]
    [InlineData("a|b", "ab", false)]
    [InlineData("a|b", "a/x", false)]
    [InlineData("abc", "ab", false)]
    [InlineData("a", "", false)]
    public void Label_of_critical_data_is_the_name_or_what_stands_before_its_dash(string label, string name, bool expected)
    {
        var access = new SampleAccess { Hook = ImaHook.CriticalData, Path = name };
        Assert.Equal(expected, access.Matches(Policies.Rule($"measure func=CRITICAL_DATA label={label}")));
    }

    [Theory]
    [InlineData("exe=/bin/sh", true)]
    [InlineData("exe=/bin/*", true)]
    [InlineData("exe=/usr/**|/bin/sh", true)]
    [InlineData("exe=/bin/s", false)]
    [InlineData("cgroup=/system.slice/**", true)]
    [InlineData("cgroup=**/docker-*", true)]
    [InlineData("cgroup=/user.slice/**", false)]
    [InlineData("container=*", true)]
    [InlineData("container=0123*", true)]
    [InlineData("container=123*", false)]
    [InlineData("path=/usr/bin/x", true)]
    [InlineData("path=/opt/**|/usr/**", true)]
    [InlineData("path=/opt/**", false)]
    [InlineData("mount=/srv", true)]
    [InlineData("mount=/", false)]
    public void Extension_is_held_against_what_it_names(string option, bool expected)
    {
        Subject subject = SampleAccess.SubjectOf();
        subject.Known |= SubjectFacts.Executable | SubjectFacts.Cgroup;
        subject.Executable.Append("/bin/sh"u8);
        subject.Cgroup.Append(Encoding.UTF8.GetBytes($"/system.slice/docker-{string.Concat(Enumerable.Repeat("01234567", 8))}.scope"));
        ImaRule rule = Policies.Rule($"measure imahost.{option}")
            .Resolve(point => point == "/srv" ? new DeviceNumber(8, 1) : null);
        Assert.Equal(expected, new SampleAccess { Subject = subject }.Matches(rule));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("/user.slice", "")]
    [InlineData("/docker/@", "@")]
    [InlineData("/system.slice/docker-@.scope", "@")]
    [InlineData("/kubepods.slice/pod1/cri-containerd-@.scope/init", "@")]
    [InlineData("/docker/@f", "")]
    [InlineData("/docker/f@", "")]
    [InlineData("/docker/@/docker/@", "@")]
    [InlineData("@", "@")]
    public void Container_is_told_by_the_id_in_the_cgroup(string cgroup, string expected)
    {
        string id = string.Concat(Enumerable.Repeat("89abcdef", 8));
        byte[] path = Encoding.UTF8.GetBytes(cgroup.Replace("@", id, StringComparison.Ordinal));
        Assert.Equal(expected.Replace("@", id, StringComparison.Ordinal), Encoding.UTF8.GetString(ContainerId.In(path)));
    }

    [Fact]
    public void Nobody_outside_of_containers_is_in_one()
    {
        Subject subject = SampleAccess.SubjectOf();
        subject.Known |= SubjectFacts.Cgroup;
        subject.Cgroup.Append("/user.slice"u8);
        Assert.False(new SampleAccess { Subject = subject }.Matches(Policies.Rule("measure imahost.container=*")));
    }

    static LabelCondition Label(string module, string option, string text)
    {
        RuleOption found = RuleOptions.Find(option, PolicySyntax.Kernel)!;
        var part = Enum.Parse<LabelPart>(option.Split('_')[1], ignoreCase: true);
        return new LabelCondition(found, option[0] == 's', part, text, Enum.Parse<SecurityModule>(module));
    }
}
