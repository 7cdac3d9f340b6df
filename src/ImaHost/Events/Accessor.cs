using System.Buffers.Text;
using System.Globalization;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Events;

/// <summary>
/// Who makes an access, from /proc. The task waits in the kernel meanwhile, so it can only vanish by being killed; a
/// task that is gone, or belongs to another pid namespace, counts as root's: rules about root are the strict ones.
/// </summary>
static class Accessor
{
    const int SysAdmin = 21; // CAP_SYS_ADMIN, include/uapi/linux/capability.h
    static readonly (ulong Inode, uint Major, uint Minor) OwnProgram = Identify("/proc/self/exe");
    static readonly (ulong Inode, uint Major, uint Minor) OwnUserNamespace = Identify("/proc/self/ns/user");

    /// <summary>Finds out what is asked.</summary>
    public static void Read(int pid, SubjectFacts wanted, Subject into)
    {
        into.Clear();
        Span<byte> status = stackalloc byte[4096];
        ReadOnlySpan<byte> text = ReadStatus(pid, status);
        Span<uint> uids = stackalloc uint[3];
        Span<uint> gids = stackalloc uint[3];
        ReadNumbers(text, "\nUid:"u8, uids);
        ReadNumbers(text, "\nGid:"u8, gids);
        (into.Uid, into.Euid, into.Suid) = (uids[0], uids[1], uids[2]);
        (into.Gid, into.Egid, into.Sgid) = (gids[0], gids[1], gids[2]);
        into.Known = wanted & SubjectFacts.Ids;
    }

    /// <summary>The real user id; 0 when the task is gone.</summary>
    public static uint ReadUid(int pid)
    {
        Span<byte> status = stackalloc byte[4096];
        Span<uint> uids = stackalloc uint[1];
        ReadNumbers(ReadStatus(pid, status), "\nUid:"u8, uids);
        return uids[0];
    }

    /// <summary>The task's name (comm), or "?".</summary>
    public static string ReadName(int pid)
    {
        Span<byte> status = stackalloc byte[4096];
        ReadOnlySpan<byte> text = ReadStatus(pid, status);
        if (!text.StartsWith("Name:\t"u8))
        {
            return "?";
        }

        text = text["Name:\t"u8.Length..];
        return EntryName.ToText(text[..text.IndexOf((byte)'\n')]);
    }

    /// <summary>
    /// Is it <c>imahost label</c>, run by somebody who may write labels? It must be able to read what it labels, also
    /// what is denied so far; and whoever has CAP_SYS_ADMIN could label the file by other means. Capabilities within a
    /// user namespace of one's own do not count: anybody can have them.
    /// </summary>
    public static bool IsLabeller(int pid)
    {
        Span<byte> status = stackalloc byte[4096];
        ReadOnlySpan<byte> text = ReadStatus(pid, status);
        int at = text.IndexOf("\nCapEff:\t"u8);
        return at >= 0
            && ulong.TryParse(text.Slice(at + 9, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong set)
            && (set & (1ul << SysAdmin)) != 0
            && OwnUserNamespace.Inode != 0
            && Identify(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/user")) == OwnUserNamespace
            && OwnProgram.Inode != 0
            && Identify(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/exe")) == OwnProgram;
    }

    static ReadOnlySpan<byte> ReadStatus(int pid, Span<byte> buffer)
    {
        try
        {
            using HeldFile file = HeldFile.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status"));
            return buffer[..Math.Max(file.ReadAt(buffer, 0), 0)];
        }
        catch (ErrnoException)
        {
            return default;
        }
    }

    static void ReadNumbers(ReadOnlySpan<byte> status, ReadOnlySpan<byte> key, Span<uint> numbers)
    {
        int at = status.IndexOf(key);
        if (at < 0)
        {
            return;
        }

        status = status[(at + key.Length)..];
        for (int i = 0; i < numbers.Length; i++)
        {
            status = status.TrimStart("\t "u8);
            _ = Utf8Parser.TryParse(status, out numbers[i], out int used);
            status = status[used..];
        }
    }

    static (ulong Inode, uint Major, uint Minor) Identify(string link) =>
        FileStat.TryOfPath(link, out FileStat stat) ? (stat.Inode, stat.DeviceMajor, stat.DeviceMinor) : default;
}
