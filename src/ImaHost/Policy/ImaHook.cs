namespace ImaHost.Policy;

/// <summary>enum ima_hooks, security/integrity/ima/ima.h: from where a measurement is asked for.</summary>
enum ImaHook
{
    /// <summary>open(2).</summary>
    FileCheck,
    /// <summary>mmap(2) with PROT_EXEC; seen here as the open of an ELF file.</summary>
    MmapCheck,
    /// <summary>execve(2).</summary>
    BprmCheck,
    /// <summary>A buffer that a service or an administrator hands over.</summary>
    CriticalData,
}

/// <summary>The kernel's names for hooks.</summary>
static class ImaHooks
{
    public static string Name(this ImaHook hook) => hook switch
    {
        ImaHook.FileCheck => "FILE_CHECK",
        ImaHook.MmapCheck => "MMAP_CHECK",
        ImaHook.BprmCheck => "BPRM_CHECK",
        ImaHook.CriticalData => "CRITICAL_DATA",
        _ => throw new ArgumentOutOfRangeException(nameof(hook)),
    };

    /// <summary>func= of a rule, aliases included.</summary>
    public static ImaHook? Parse(ReadOnlySpan<char> name) => name switch
    {
        "FILE_CHECK" or "PATH_CHECK" => ImaHook.FileCheck,
        "MMAP_CHECK" or "FILE_MMAP" => ImaHook.MmapCheck,
        "BPRM_CHECK" => ImaHook.BprmCheck,
        _ => null,
    };
}
