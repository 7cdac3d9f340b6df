using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Events;

/// <summary>
/// Who makes an access, from /proc. The task waits in the kernel meanwhile, so it can only vanish by being killed, and
/// then nobody gets what was asked for. Of a task that is gone, or belongs to another pid namespace, nothing is known, and
/// what is not known counts against who asks (ImaRule.Matches). An event tells the process and not its thread: threads that have given
/// themselves other ids or capabilities than the first one (as only the bare system calls do) are taken for it.
/// </summary>
static partial class Accessor
{
    /// <summary>Bytes of a name at most: TASK_COMM_LEN is 16, and each may be escaped by the kernel.</summary>
    public const int MostName = 64;

    const int SetGid = 6; // CAP_SETGID, include/uapi/linux/capability.h
    const int SetUid = 7; // CAP_SETUID
    const int SysAdmin = 21; // CAP_SYS_ADMIN
    const int FirstText = 4096;
    const int LongestText = 1 << 20; // More than a process in all of NGROUPS_MAX groups has in its status.
    static readonly (ulong Inode, uint Major, uint Minor) OwnProgram = Identify("exe\0"u8);
    static readonly (ulong Inode, uint Major, uint Minor) OwnUserNamespace = Identify("ns/user\0"u8);

    /// <summary>What was read last. Of each thread its own, as it holds only until the next text is read.</summary>
    [ThreadStatic]
    static byte[]? _text;

    /// <summary>
    /// Finds out what is asked, all of it of one process. What cannot be found out is not among the known facts: the
    /// task is gone, is not visible from here (0), or we may not look at it.
    /// </summary>
    public static void Read(int pid, SubjectFacts wanted, Subject into)
    {
        into.Clear();
        if (pid <= 0 || wanted == SubjectFacts.None)
        {
            return;
        }

        if (wanted == SubjectFacts.Ids)
        {
            into.Known = TryReadIds(ReadStatus(pid), into) ? SubjectFacts.Ids : SubjectFacts.None;
            return;
        }

        using ProcessDirectory process = ProcessDirectory.Open(pid);
        if (process.IsOpen)
        {
            Read(in process, wanted, SecurityModules.Active, into);
        }
    }

    /// <summary>The real user id; 0 when the task is gone.</summary>
    public static uint ReadUid(int pid) =>
        ReadStatus(pid).TryReadIds("\nUid:"u8, out (uint Real, uint, uint) ids) ? ids.Real : 0;

    /// <summary>The task's name (comm) as the kernel writes it, and its real user id, at one look.</summary>
    /// <param name="name">At least <see cref="MostName"/>.</param>
    /// <param name="uid">Null when the task is gone.</param>
    /// <returns>Bytes of the name; 0 when the task is gone.</returns>
    public static int ReadNameAndUid(int pid, Span<byte> name, out uint? uid)
    {
        ProcessStatus status = ReadStatus(pid);
        ReadOnlySpan<byte> found = status.Name[..Math.Min(status.Name.Length, MostName)];
        found.CopyTo(name);
        uid = status.TryReadIds("\nUid:"u8, out (uint Real, uint, uint) ids) ? ids.Real : null;
        return found.Length;
    }

    /// <summary>The task's name (comm), or "?".</summary>
    public static string ReadName(int pid) => ReadStatus(pid).Name is { IsEmpty: false } name ? EntryName.ToText(name) : "?";

    /// <summary>
    /// Is it <c>imahost label</c>, run by somebody who may write labels? It must be able to read what it labels, also
    /// what is denied so far; and whoever has CAP_SYS_ADMIN could label the file by other means. Capabilities within a
    /// user namespace of one's own do not count: anybody can have them.
    /// </summary>
    public static bool IsLabeller(int pid)
    {
        using ProcessDirectory process = ProcessDirectory.Open(pid);
        return new ProcessStatus(ReadText(in process, "status\0"u8)).TryReadCapabilities(out ulong effective)
            && (effective & (1ul << SysAdmin)) != 0
            && IsInOwnUserNamespace(in process) == true
            && OwnProgram.Inode != 0
            && Identify(in process, "exe\0"u8) == OwnProgram;
    }

    /// <summary>The same of a directory that is open already.</summary>
    /// <param name="module">Whose labels are read.</param>
    internal static void Read(in ProcessDirectory process, SubjectFacts wanted, SecurityModule module, Subject into)
    {
        if ((wanted & (SubjectFacts.Ids | SubjectFacts.Capabilities)) != 0)
        {
            var status = new ProcessStatus(ReadText(in process, "status\0"u8));
            Note(SubjectFacts.Ids, Has(wanted, SubjectFacts.Ids) && TryReadIds(status, into), into);
            Note(
                SubjectFacts.Capabilities,
                Has(wanted, SubjectFacts.Capabilities) && TryReadCapabilities(in process, status, into), into);
        }

        if (Has(wanted, SubjectFacts.Executable))
        {
            Note(SubjectFacts.Executable, TryReadExecutable(in process, into.Executable), into);
        }

        if (Has(wanted, SubjectFacts.Cgroup))
        {
            Note(SubjectFacts.Cgroup, CgroupText.TryFind(ReadText(in process, "cgroup\0"u8), into.Cgroup), into);
        }

        if (Has(wanted, SubjectFacts.Label))
        {
            Note(SubjectFacts.Label, TryReadLabel(in process, module, into.Label), into);
        }
    }

    /// <summary>Not Enum.HasFlag, which allocates until its caller is optimized.</summary>
    static bool Has(SubjectFacts facts, SubjectFacts fact) => (facts & fact) != 0;

    static void Note(SubjectFacts fact, bool isKnown, Subject into)
    {
        if (isKnown)
        {
            into.Known |= fact;
        }
    }

    static bool TryReadIds(ProcessStatus status, Subject into)
    {
        if (!status.TryReadIds("\nUid:"u8, out (uint, uint, uint) uids)
            || !status.TryReadIds("\nGid:"u8, out (uint, uint, uint) gids))
        {
            return false;
        }

        (into.Uid, into.Euid, into.Suid) = uids;
        (into.Gid, into.Egid, into.Sgid) = gids;
        return true;
    }

    /// <summary>
    /// has_capability_noaudit(), which the kernel asks in the initial user namespace. Ours stands for it.
    /// </summary>
    static bool TryReadCapabilities(in ProcessDirectory process, ProcessStatus status, Subject into)
    {
        if (!status.TryReadCapabilities(out ulong effective))
        {
            return false;
        }

        bool maySetUid = (effective & (1ul << SetUid)) != 0;
        bool maySetGid = (effective & (1ul << SetGid)) != 0;
        bool? counts = maySetUid || maySetGid ? IsInOwnUserNamespace(in process) : false;
        into.MaySetUid = maySetUid && counts == true;
        into.MaySetGid = maySetGid && counts == true;
        return counts != null;
    }

    /// <summary>Null: it cannot be told.</summary>
    static bool? IsInOwnUserNamespace(in ProcessDirectory process)
    {
        (ulong Inode, uint, uint) found = Identify(in process, "ns/user\0"u8);
        return found.Inode == 0 || OwnUserNamespace.Inode == 0 ? null : found == OwnUserNamespace;
    }

    static bool TryReadLabel(in ProcessDirectory process, SecurityModule module, ByteBuilder into)
    {
        ReadOnlySpan<byte> text = module switch
        {
            SecurityModule.SELinux or SecurityModule.Smack => ReadText(in process, "attr/current\0"u8),
            SecurityModule.AppArmor => ReadText(in process, "attr/apparmor/current\0"u8) is { IsEmpty: false } own
                ? own
                : ReadText(in process, "attr/current\0"u8), // Before Linux 5.8
            SecurityModule.None => default,
            _ => throw new ArgumentOutOfRangeException(nameof(module)),
        };
        into.Append(SecurityLabel.OfSubject(module, text));
        return into.Length > 0;
    }

    static ProcessStatus ReadStatus(int pid)
    {
        byte[] text = _text ??= new byte[FirstText];
        int length = ProcessDirectory.ReadOf(pid, "status\0"u8, text);
        return new ProcessStatus(text.AsSpan(0, Math.Max(length, 0)));
    }

    /// <summary>All of a file, valid until the next one is read; empty when it cannot be read.</summary>
    static ReadOnlySpan<byte> ReadText(in ProcessDirectory process, ReadOnlySpan<byte> name)
    {
        byte[] text = _text ??= new byte[FirstText];
        int length;
        while ((length = process.Read(name, text)) == text.Length && length < LongestText)
        {
            _text = text = new byte[length * 2];
        }

        return text.AsSpan(0, Math.Max(length, 0));
    }

    static (ulong Inode, uint Major, uint Minor) Identify(ReadOnlySpan<byte> link)
    {
        using ProcessDirectory self = ProcessDirectory.Open(Environment.ProcessId);
        return Identify(in self, link);
    }

    static (ulong Inode, uint Major, uint Minor) Identify(in ProcessDirectory process, ReadOnlySpan<byte> link) =>
        process.TryStat(link, out FileStat stat) ? (stat.Inode, stat.DeviceMajor, stat.DeviceMinor) : default;
}
