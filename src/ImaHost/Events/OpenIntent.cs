using ImaHost.Policy;

namespace ImaHost.Events;

/// <summary>What the flags of an open(2) say.</summary>
/// <param name="Mask">
/// What the kernel hands to IMA (acc_mode of build_open_flags, given to ima_file_check); null: it cannot be told.
/// </param>
readonly record struct OpenIntent(OpenMode Mode, AccessMask? Mask)
{
    const int AccessModeMask = 3; // O_ACCMODE, fcntl.h
    const int WriteOnly = 1;
    const int Truncate = 0x200; // O_TRUNC
    const int AppendFlag = 0x400; // O_APPEND
    const int PathOnly = 0x200000; // O_PATH

    public static readonly OpenIntent Unknown = new(OpenMode.Unknown, null);
    public static readonly OpenIntent Exec = new(OpenMode.Read, AccessMask.Exec);
    public static readonly OpenIntent Read = new(OpenMode.Read, AccessMask.Read);

    /// <summary>creat(2), which has no flags.</summary>
    public static readonly OpenIntent Create = new(OpenMode.Write, AccessMask.Write);

    /// <summary>
    /// Whoever truncates writes, also by an O_RDONLY|O_TRUNC. O_PATH opens nothing that could be held: if it is seen,
    /// another thread is.
    /// </summary>
    public static OpenIntent FromFlags(long flags)
    {
        if ((flags & PathOnly) != 0)
        {
            return Unknown;
        }

        AccessMask mask = (flags & AccessModeMask) switch
        {
            0 => AccessMask.Read,
            WriteOnly => AccessMask.Write,
            _ => AccessMask.Read | AccessMask.Write,
        };
        mask |= (flags & Truncate) != 0 ? AccessMask.Write : AccessMask.None;
        OpenMode mode = (mask & AccessMask.Write) == 0 ? OpenMode.Read
            : (mask & AccessMask.Read) == 0 ? OpenMode.Write : OpenMode.ReadWrite;
        return new OpenIntent(mode, (flags & AppendFlag) != 0 ? mask | AccessMask.Append : mask);
    }

    /// <summary>
    /// What is true of either: two that write are no readers, for anything else it cannot be told which it is. Of masks
    /// only equal ones are true of both.
    /// </summary>
    public static OpenIntent Agree(OpenIntent? one, OpenIntent other) =>
        one is not { } first ? other : new(Agree(first.Mode, other.Mode), first.Mask == other.Mask ? other.Mask : null);

    static OpenMode Agree(OpenMode one, OpenMode other) =>
        one == other ? other
        : one is OpenMode.Write or OpenMode.ReadWrite && other is OpenMode.Write or OpenMode.ReadWrite ? OpenMode.ReadWrite
        : OpenMode.Unknown;
}
