using System.Globalization;
using System.Reflection;
using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>What this host can and cannot see. docs/threat-model.md says the same at length.</summary>
static class Coverage
{
    /// <summary>What fanotify alone leaves open.</summary>
    static readonly string[] Unseen =
    [
        "programs in memfds raise no event",
        "code mapped from files that are not ELF, and mprotect(PROT_EXEC), raise no event",
        "whoever may write a file can make it an ELF file between its open and its use by ld.so",
        "an exec that gets no processor for 5 s can be overtaken by a writer after its verdict",
        "when the guard itself is killed the kernel allows everything",
        "filesystems that are not watched",
    ];

    /// <summary>What the BPF programs leave open, too.</summary>
    static readonly string[] UnseenByBpf =
    [
        "code that a program makes in memory of its own (JIT), and what interpreters read from pipes or arguments",
        "code mapped from files of an overlay, since Linux 6.5, and of btrfs: fanotify alone sees those",
        "what writes to the block device below a filesystem",
        "root, who may take the programs away",
    ];

    /// <summary>Which of the two levels holds. What only reports closes nothing.</summary>
    public static string Level(CodeGate gate) => gate switch
    {
        CodeGate.Enforce => "measured and BPF-enforced",
        CodeGate.Report => "measured, fanotify only (BPF reports what it would refuse)",
        CodeGate.Off or _ => "measured, fanotify only",
    };

    public static IEnumerable<string> Holes(CodeGate gate, DaemonOptions options)
    {
        IEnumerable<string> holes = gate == CodeGate.Enforce ? UnseenByBpf : Unseen;
        if (gate == CodeGate.Enforce && options.Fileless != FilelessCode.Deny)
        {
            holes = holes.Append($"programs in memfds (fileless: {Words.Name(options.Fileless)})");
        }

        return gate == CodeGate.Enforce && !options.Watch.Contains(WatchSelection.All)
            ? holes.Append("filesystems that are not watched")
            : holes;
    }

    public static string UserMounts(int namespaces) => string.Create(
        CultureInfo.InvariantCulture, $"what is mounted in {namespaces} mount namespaces that belong to user namespaces");
}

/// <summary>The version of this build.</summary>
static class ProductVersion
{
    public static string Text { get; } =
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";
}
