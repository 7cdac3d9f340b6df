using System.Text;

namespace ImaHost.Policy;

/// <summary>What a pattern is held against.</summary>
enum GlobKind
{
    /// <summary>The path the file is accessed by.</summary>
    Path,
    /// <summary>The program that accesses it.</summary>
    Executable,
    /// <summary>The cgroup of who accesses it.</summary>
    Cgroup,
    /// <summary>The container of who accesses it.</summary>
    Container,
}

/// <summary>path:, exe:, cgroup: and container:, one of several patterns. Extensions.</summary>
sealed class GlobCondition(RuleOption option, GlobKind kind, PathGlob[] globs)
    : RuleCondition(option, '=', [.. globs.Select(glob => glob.Text)])
{
    public override SubjectFacts AsksSubject => kind switch
    {
        GlobKind.Path => SubjectFacts.None,
        GlobKind.Executable => SubjectFacts.Executable,
        GlobKind.Cgroup or GlobKind.Container or _ => SubjectFacts.Cgroup,
    };

    public override TargetFacts AsksTarget => kind == GlobKind.Path ? TargetFacts.Path : TargetFacts.None;

    public override IReadOnlyList<RuleKey> Keys
    {
        get
        {
            RuleKey?[] keys = [.. globs.Select(KeyOf)];
            return keys.Contains(null) ? [] : [.. keys.OfType<RuleKey>().OrderByDescending(key => key.Kind)];
        }
    }

    RuleKeyKind? KeyKind => kind switch
    {
        GlobKind.Path => RuleKeyKind.Path,
        GlobKind.Executable => RuleKeyKind.Executable,
        GlobKind.Cgroup => RuleKeyKind.Cgroup,
        GlobKind.Container or _ => null,
    };

    public static GlobCondition Read(GlobKind kind, in RuleValue value)
    {
        if (kind is not GlobKind.Container
            && value.Items.FirstOrDefault(item => item is not (['/' or '*', ..])) is { } relative)
        {
            throw new FormatException($"\"{relative}\" is not absolute: it begins neither with \"/\" nor with \"*\"");
        }

        return new GlobCondition(value.Option, kind, [.. value.Items.Select(PathGlob.Parse)]);
    }

    public override bool? Holds(in AccessFacts facts)
    {
        if ((AsksSubject & ~facts.Subject.Known) != 0 || (AsksTarget & ~facts.Target.Known) != 0)
        {
            return null;
        }

        ReadOnlySpan<byte> text = kind switch
        {
            GlobKind.Path => facts.Target.Path,
            GlobKind.Executable => facts.Subject.Executable.Written,
            GlobKind.Cgroup => facts.Subject.Cgroup.Written,
            GlobKind.Container or _ => ContainerId.In(facts.Subject.Cgroup.Written),
        };
        return !(kind == GlobKind.Container && text.IsEmpty) && MatchesAny(text);
    }

    RuleKey? KeyOf(PathGlob glob) =>
        KeyKind is { } keyed && RuleKey.IsKept(glob.Prefix.Span) ? RuleKey.OfPath(keyed, glob.Prefix.Span)
        : kind == GlobKind.Path && glob.End.Length > 0 ? RuleKey.OfEnd(glob.End.Span)
        : null;

    bool MatchesAny(ReadOnlySpan<byte> text)
    {
        foreach (PathGlob glob in globs)
        {
            if (glob.Matches(text))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>
/// Container engines name the cgroup of a container by its id, 64 hexadecimal digits: /docker/ID,
/// /system.slice/docker-ID.scope, /kubepods.slice/…/cri-containerd-ID.scope, /machine.slice/libpod-ID.scope.
/// </summary>
static class ContainerId
{
    const int Digits = 64;

    /// <summary>The id in the last component that has one; empty: it is no container's.</summary>
    public static ReadOnlySpan<byte> In(ReadOnlySpan<byte> cgroup)
    {
        int run = 0;
        for (int at = cgroup.Length - 1; at >= 0; at--)
        {
            run = IsDigit(cgroup[at]) ? run + 1 : 0;
            if (run == Digits && (at == 0 || !IsDigit(cgroup[at - 1])))
            {
                return cgroup.Slice(at, Digits);
            }
        }

        return default;
    }

    static bool IsDigit(byte one) => one is (>= (byte)'0' and <= (byte)'9') or (>= (byte)'a' and <= (byte)'f');
}

/// <summary>The parts of a label that rules ask about.</summary>
enum LabelPart
{
    User,
    Role,
    Type,
}

/// <summary>subj_user= … obj_type=. Without a security module that gives such labels it is inactive.</summary>
sealed class LabelCondition(RuleOption option, bool isSubject, LabelPart part, string text, SecurityModule module)
    : RuleCondition(option, '=', [text])
{
    readonly byte[] _text = Encoding.UTF8.GetBytes(text);

    public override SubjectFacts AsksSubject => isSubject && IsActive ? SubjectFacts.Label : SubjectFacts.None;

    public override TargetFacts AsksTarget => !isSubject && IsActive ? TargetFacts.Label : TargetFacts.None;

    public override bool IsAboutFile => !isSubject;

    /// <summary>Whatever it asks for is something this module has (security_filter_rule_init).</summary>
    public bool IsActive => module switch
    {
        SecurityModule.SELinux => true,
        SecurityModule.Smack => part == LabelPart.User,
        SecurityModule.AppArmor => isSubject && part == LabelPart.Role,
        SecurityModule.None or _ => false,
    };

    public static LabelCondition Read(bool isSubject, LabelPart part, in RuleValue value) =>
        new(value.Option, isSubject, part, value.Text, SecurityModules.Active);

    public override bool? Holds(in AccessFacts facts)
    {
        if (!IsActive)
        {
            return false;
        }

        bool known = isSubject
            ? (facts.Subject.Known & SubjectFacts.Label) != 0
            : (facts.Target.Known & TargetFacts.Label) != 0;
        ReadOnlySpan<byte> label = isSubject ? facts.Subject.Label.Written : facts.Target.Label;
        return known ? PartOf(label).SequenceEqual(_text) : null;
    }

    ReadOnlySpan<byte> PartOf(ReadOnlySpan<byte> label)
    {
        for (int skipped = 0; module == SecurityModule.SELinux && skipped < (int)part; skipped++)
        {
            int colon = label.IndexOf((byte)':');
            label = colon < 0 ? default : label[(colon + 1)..];
        }

        int end = module == SecurityModule.SELinux ? label.IndexOf((byte)':') : -1;
        return end < 0 ? label : label[..end];
    }
}
