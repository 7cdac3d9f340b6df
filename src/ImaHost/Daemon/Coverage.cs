using System.Globalization;
using System.Reflection;

namespace ImaHost.Daemon;

/// <summary>What this host can and cannot see. docs/threat-model.md says the same at length.</summary>
static class Coverage
{
    public const string Level = "measured, fanotify only";

    public static readonly IReadOnlyList<string> Holes =
    [
        "programs in memfds raise no event",
        "code mapped from files that are not ELF, and mprotect(PROT_EXEC), raise no event",
        "whoever may write a file can make it an ELF file between its open and its use by ld.so",
        "an exec that gets no processor for 5 s can be overtaken by a writer after its verdict",
        "when the guard itself is killed the kernel allows everything",
        "filesystems that are not watched",
    ];

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
