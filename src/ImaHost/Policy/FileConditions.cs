using System.Globalization;

namespace ImaHost.Policy;

/// <summary>fsmagic=0x9fa0.</summary>
sealed class FsMagicCondition(RuleOption option, ulong magic)
    : RuleCondition(option, '=', [string.Create(CultureInfo.InvariantCulture, $"0x{magic:x}")])
{
    public override bool IsAboutFile => true;

    public override IReadOnlyList<RuleKey> Keys => [new(RuleKeyKind.FsMagic, magic)];

    public static FsMagicCondition Read(in RuleValue value)
    {
        ReadOnlySpan<char> digits = value.Text;
        digits = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? digits[2..] : digits;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong magic)
            ? new FsMagicCondition(value.Option, magic)
            : throw new FormatException($"\"{value.Text}\" is not a hexadecimal number");
    }

    public override bool? Holds(in AccessFacts facts) => (ulong)facts.Target.FsMagic == magic;
}

/// <summary>fsname=ext4: the type, as in mountinfo.</summary>
sealed class FsNameCondition(RuleOption option, string type) : RuleCondition(option, '=', [type])
{
    readonly string _dotted = type + ".";

    public override TargetFacts AsksTarget => TargetFacts.FsType;

    public override bool IsAboutFile => true;

    /// <summary>"fuse" also stands for "fuse.sshfs": the kernel's name of that type has no second part.</summary>
    public override bool? Holds(in AccessFacts facts) => (facts.Target.Known & TargetFacts.FsType) == 0
        ? null
        : facts.Target.FsType == type || facts.Target.FsType?.StartsWith(_dotted, StringComparison.Ordinal) == true;
}

/// <summary>fsuuid=.</summary>
sealed class FsUuidCondition(RuleOption option, Guid uuid) : RuleCondition(option, '=', [uuid.ToString("D")])
{
    public override TargetFacts AsksTarget => TargetFacts.FsUuid;

    public override bool IsAboutFile => true;

    public static FsUuidCondition Read(in RuleValue value) => new(
        value.Option,
        Guid.TryParseExact(value.Text, "D", out Guid uuid)
            ? uuid
            : throw new FormatException($"\"{value.Text}\" is not a UUID (8-4-4-4-12 hexadecimal digits)"));

    public override bool? Holds(in AccessFacts facts) =>
        (facts.Target.Known & TargetFacts.FsUuid) == 0 ? null : facts.Target.FsUuid == uuid;
}

/// <summary>mount: the filesystem that is mounted at this place, wherever else it may be seen. An extension.</summary>
/// <param name="device">What is mounted there; null: nothing.</param>
sealed class MountCondition(RuleOption option, string point, DeviceNumber? device = null)
    : RuleCondition(option, '=', [point])
{
    public DeviceNumber? Device => device;

    public override bool IsAboutFile => true;

    public override IReadOnlyList<RuleKey> Keys => device is { } known ? [RuleKey.OfDevice(known)] : [];

    public static MountCondition Read(in RuleValue value) => value.Text.StartsWith('/')
        ? new MountCondition(value.Option, value.Text.TrimEnd('/') is { Length: > 0 } point ? point : "/")
        : throw new FormatException($"\"{value.Text}\" is not an absolute path");

    /// <summary>The same condition as things are now.</summary>
    /// <param name="find">The filesystem that is mounted at a place.</param>
    public MountCondition Resolve(Func<string, DeviceNumber?> find) => new(Option, point, find(point));

    public override bool? Holds(in AccessFacts facts) => device == facts.Target.Device;
}
