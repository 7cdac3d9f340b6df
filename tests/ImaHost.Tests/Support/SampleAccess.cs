using System.Text;
using ImaHost.Engine;
using ImaHost.Policy;

namespace ImaHost.Tests.Support;

/// <summary>An access as a test makes it up. Unless it says otherwise: root reads root's file on ext4.</summary>
sealed record SampleAccess
{
    public ImaHook Hook { get; init; } = ImaHook.FileCheck;

    public AccessMask? Mask { get; init; } = AccessMask.Read;

    public Subject Subject { get; init; } = SubjectOf();

    public TargetFacts Known { get; init; } = TargetFacts.Path;

    public long FsMagic { get; init; } = 0xef53;

    public DeviceNumber Device { get; init; } = new(8, 1);

    public string? FsType { get; init; }

    public Guid? FsUuid { get; init; }

    public uint Owner { get; init; }

    public uint Group { get; init; }

    public ushort Mode { get; init; } = 0x81ed;

    public string Path { get; init; } = "/usr/bin/x";

    public string Label { get; init; } = "";

    public AccessFacts Facts => new()
    {
        Hook = Hook,
        Mask = Mask,
        Subject = Subject,
        Target = new Target
        {
            Known = Known,
            FsMagic = FsMagic,
            Device = Device,
            FsType = FsType,
            FsUuid = FsUuid,
            Owner = Owner,
            Group = Group,
            Mode = Mode,
            Path = Encoding.UTF8.GetBytes(Path),
            Label = Encoding.UTF8.GetBytes(Label),
        },
    };

    /// <summary>Who is known by the real and effective ids; the saved ones are the effective ones.</summary>
    public static Subject SubjectOf(uint uid = 0, uint euid = 0, uint gid = 0, uint egid = 0) => new()
    {
        Known = SubjectFacts.Ids | SubjectFacts.Capabilities,
        Uid = uid,
        Euid = euid,
        Suid = euid,
        Gid = gid,
        Egid = egid,
        Sgid = egid,
    };

    public PolicyDecision Match(ImaPolicy policy)
    {
        var decision = default(PolicyDecision);
        policy.Match(Facts, ref decision);
        return decision;
    }

    /// <summary>Enough to find what a property did not hold for.</summary>
    public override string ToString() =>
        $"{Hook} {Mask} of {Path} {Known} (magic {FsMagic}, {Device}, {FsType}, {FsUuid}, {Owner}:{Group}, mode {Mode:x}, {Label})"
        + $" by {Subject.Uid}/{Subject.Euid}/{Subject.Suid}:{Subject.Gid}/{Subject.Egid}/{Subject.Sgid} {Subject.Known}";

    public bool Matches(ImaRule rule) => rule.Matches(Facts);

    public Question Ask(ImaPolicy policy, ImaHook? loads = null, bool isRegular = true) =>
        Question.Ask(policy, Facts, loads, isRegular);
}
