namespace ImaHost.Policy;

/// <summary>The policies that need no file: those of the kernel (ima_policy.c, ima_init_policy), and ours.</summary>
static class BuiltInPolicies
{
    /// <summary>What is in force when nothing else is configured: programs and what they map to execute.</summary>
    public const string Default = "exec";

    /// <summary>What their rules name as their place begins with this; no file's path does.</summary>
    public const string OriginPrefix = "built-in ";

    /// <summary>Not rules, but what happens to signatures on filesystems that can change behind them.</summary>
    public const string FailSecurely = "fail_securely";

    /// <summary>proc sysfs debugfs tmpfs devpts binfmt_misc securityfs selinux smack cgroup cgroup2 nsfs efivarfs.</summary>
    static readonly string[] Unmeasured =
    [
        "0x9fa0", "0x62656572", "0x64626720", "0x1021994", "0x1cd1", "0x42494e4d", "0x73636673", "0xf97cff8c",
        "0x43415d53", "0x27e0eb", "0x63677270", "0x6e736673", "0xde5e81e4",
    ];

    const string Ramfs = "0x858458f6";

    static readonly string ByAnybody = $"imahost.by={string.Join('|', Vouchings.Names)}";

    static readonly string[] Programs =
        ["measure func=MMAP_CHECK mask=MAY_EXEC", "measure func=BPRM_CHECK mask=MAY_EXEC"];

    /// <summary>Those that a file or an option may name, in the order in which the kernel puts them together.</summary>
    static readonly (string Name, string[] Lines)[] All =
    [
        ("tcb",
        [
            .. Unmeasured.Select(magic => $"dont_measure fsmagic={magic}"),
            .. Programs,
            "measure func=FILE_CHECK mask=^MAY_READ euid=0",
            "measure func=FILE_CHECK mask=^MAY_READ uid=0",
            "measure func=MODULE_CHECK", "measure func=FIRMWARE_CHECK", "measure func=POLICY_CHECK",
        ]),
        ("ima_tcb",
        [
            .. Unmeasured.Select(magic => $"dont_measure fsmagic={magic}"),
            .. Programs,
            "measure func=FILE_CHECK mask=MAY_READ uid=0",
            "measure func=MODULE_CHECK", "measure func=FIRMWARE_CHECK",
        ]),
        ("secure_boot",
        [
            "appraise func=MODULE_CHECK appraise_type=imasig", "appraise func=FIRMWARE_CHECK appraise_type=imasig",
            "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig", "appraise func=POLICY_CHECK appraise_type=imasig",
        ]),
        ("appraise_tcb",
        [
            .. Unmeasured.Append(Ramfs).Select(magic => $"dont_appraise fsmagic={magic}"),
            "appraise func=POLICY_CHECK appraise_type=imasig",
            "appraise fowner=0",
        ]),
        ("critical_data", ["measure func=CRITICAL_DATA"]),
        (Default,
        [
            "measure func=BPRM_CHECK", "measure func=MMAP_CHECK", "appraise func=BPRM_CHECK", "appraise func=MMAP_CHECK",
        ]),
        ("packages",
        [
            "measure func=BPRM_CHECK", "measure func=MMAP_CHECK",
            $"appraise func=BPRM_CHECK {ByAnybody}", $"appraise func=MMAP_CHECK {ByAnybody}",
        ]),
        (FailSecurely, []),
    ];

    public static IReadOnlyCollection<string> Names { get; } = [.. All.Select(one => one.Name)];

    /// <summary>The rules of one.</summary>
    public static IReadOnlyList<ImaRule> RulesOf(string name)
    {
        string[] lines = All.First(one => one.Name == name).Lines;
        string source = OriginPrefix + name;
        return [.. lines.Select((line, i) => KernelPolicyReader.ReadRule(line, source, i + 1, source)!)];
    }

    /// <summary>The rules of several, in the kernel's order whatever the order of their names.</summary>
    public static IReadOnlyList<ImaRule> RulesOf(IReadOnlyCollection<string> names) =>
        [.. All.Where(one => names.Contains(one.Name)).SelectMany(one => RulesOf(one.Name))];
}
