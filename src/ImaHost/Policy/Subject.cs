using ImaHost.Template;

namespace ImaHost.Policy;

/// <summary>What may be known of who accesses.</summary>
[Flags]
enum SubjectFacts
{
    None = 0,
    /// <summary>The user and group ids.</summary>
    Ids = 1,
    /// <summary>CAP_SETUID and CAP_SETGID.</summary>
    Capabilities = 2,
    /// <summary>The program it runs.</summary>
    Executable = 4,
    /// <summary>Its cgroup.</summary>
    Cgroup = 8,
    /// <summary>Its label of the security module.</summary>
    Label = 16,
}

/// <summary>
/// Who accesses, as far as the rules in force ask. A fact that is not among the known ones could not be found out, or
/// was not asked for. Used again for the next access.
/// </summary>
sealed class Subject
{
    /// <summary>Which of the facts hold.</summary>
    public SubjectFacts Known { get; set; }

    public uint Uid { get; set; }

    public uint Euid { get; set; }

    public uint Suid { get; set; }

    public uint Gid { get; set; }

    public uint Egid { get; set; }

    public uint Sgid { get; set; }

    /// <summary>CAP_SETUID in the initial user namespace: it can become any user.</summary>
    public bool MaySetUid { get; set; }

    /// <summary>CAP_SETGID in the initial user namespace.</summary>
    public bool MaySetGid { get; set; }

    /// <summary>The path of the program it runs (at an exec: still the old one); empty for a thread of the kernel.</summary>
    public ByteBuilder Executable { get; } = new(256);

    /// <summary>Its path in the cgroup v2 hierarchy, "/system.slice/cron.service".</summary>
    public ByteBuilder Cgroup { get; } = new(256);

    /// <summary>What the security module calls it, "system_u:system_r:init_t:s0".</summary>
    public ByteBuilder Label { get; } = new(256);

    public void Clear()
    {
        Known = SubjectFacts.None;
        Uid = Euid = Suid = Gid = Egid = Sgid = 0;
        MaySetUid = MaySetGid = false;
        Executable.Clear();
        Cgroup.Clear();
        Label.Clear();
    }
}
