namespace ImaHost.Daemon;

/// <summary>Does this kernel run BPF programs as a security module, and if not, how is it told to?</summary>
static class LsmAdvice
{
    /// <summary>The modules that are active, with commas between them.</summary>
    public const string ListPath = "/sys/kernel/security/lsm";

    const string Bpf = "bpf";

    /// <param name="active">What <see cref="ListPath"/> holds.</param>
    public static bool HasBpf(string active) => active.Trim().Split(',').Contains(Bpf);

    /// <summary>What to do, one step a line.</summary>
    /// <param name="active">What <see cref="ListPath"/> holds.</param>
    /// <param name="release">The text of os-release(5).</param>
    public static IReadOnlyList<string> HowToEnable(string active, string release)
    {
        string words = $"lsm={string.Join(',', active.Trim().Split(',', StringSplitOptions.RemoveEmptyEntries).Append(Bpf))}";
        HashSet<string> families = [.. Families(release)];
        return families.Contains("debian")
            ?
            [
                $"echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {words}\"' >/etc/default/grub.d/90-imahost.cfg",
                "update-grub",
                "reboot",
            ]
            : families.Contains("fedora")
            ? [$"grubby --update-kernel=ALL --args={words}", "reboot"]
            : [$"add {words} to the kernel's command line, and boot again"];
    }

    /// <summary>The distribution and those it comes from: Ubuntu is like Debian.</summary>
    static IEnumerable<string> Families(string release) =>
        from line in release.Split('\n')
        where line.StartsWith("ID=", StringComparison.Ordinal) || line.StartsWith("ID_LIKE=", StringComparison.Ordinal)
        from word in line[(line.IndexOf('=') + 1)..].Trim('"').Split(' ')
        select word;
}
