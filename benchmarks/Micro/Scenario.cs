using System.Text;
using ImaHost.Engine;
using ImaHost.Policy;

namespace ImaHost.Benchmarks;

/// <summary>A policy, and an access that a user of the number 1000 makes under a path.</summary>
/// <param name="matches">The last rule of all matches, or none.</param>
sealed class Scenario(ImaPolicy policy, string path, bool matches)
{
    readonly byte[] _path = Encoding.UTF8.GetBytes(path);
    readonly Subject _subject = NewSubject();

    /// <summary>One open for reading, at one hook.</summary>
    public void Match()
    {
        AccessFacts facts = Facts;
        var decision = default(PolicyDecision);
        policy.Match(in facts, ref decision);
        Require(decision.IsNothing != matches);
    }

    /// <summary>The same open, of a file that can be mapped: three hooks, and whether the verdict can be kept.</summary>
    public void Ask()
    {
        AccessFacts facts = Facts.At(ImaHook.MmapCheck, AccessMask.Read);
        PolicyDecision decision = Question.Ask(policy, in facts, null, isRegular: true).Decision;
        Require(!decision.IsNothing || !matches);
    }

    static void Require(bool isAsExpected)
    {
        if (!isAsExpected)
        {
            throw new InvalidOperationException("the policy decides otherwise");
        }
    }

    AccessFacts Facts => new()
    {
        Hook = ImaHook.FileCheck,
        Mask = AccessMask.Read,
        Subject = _subject,
        Target = new Target
        {
            Known = TargetFacts.Path, FsMagic = 0xef53, Device = new DeviceNumber(8, 1), Owner = 1000, Group = 1000, Mode = 0x81a4,
            Path = _path,
        },
    };

    static Subject NewSubject()
    {
        var subject = new Subject
        {
            Known = SubjectFacts.Ids | SubjectFacts.Capabilities | SubjectFacts.Executable | SubjectFacts.Cgroup,
            Uid = 1000, Euid = 1000, Suid = 1000, Gid = 1000, Egid = 1000, Sgid = 1000,
        };
        subject.Executable.Append("/usr/lib/firefox/firefox"u8);
        subject.Cgroup.Append("/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox.scope"u8);
        return subject;
    }
}
