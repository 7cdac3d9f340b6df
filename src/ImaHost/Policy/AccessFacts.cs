namespace ImaHost.Policy;

/// <summary>MAY_* of include/linux/fs.h: what an access is for.</summary>
[Flags]
enum AccessMask
{
    None = 0,
    /// <summary>MAY_EXEC.</summary>
    Exec = 1,
    /// <summary>MAY_WRITE.</summary>
    Write = 2,
    /// <summary>MAY_READ.</summary>
    Read = 4,
    /// <summary>MAY_APPEND.</summary>
    Append = 8,
}

/// <summary>One access at one hook: what the conditions of rules are held against.</summary>
readonly ref struct AccessFacts
{
    const int SetUserId = 0x800; // S_ISUID, stat.h
    const int SetGroupId = 0x400; // S_ISGID
    const int GroupExecute = 0x8; // S_IXGRP; without it S_ISGID means something else

    public required ImaHook Hook { get; init; }

    /// <summary>Null: it could not be found out.</summary>
    public required AccessMask? Mask { get; init; }

    public required Subject Subject { get; init; }

    public required Target Target { get; init; }

    /// <summary>The user it acts as; at CREDS_CHECK, the one that a set-user-ID program makes of it.</summary>
    public uint Euid => Becomes(SetUserId) ? Target.Owner : Subject.Euid;

    /// <inheritdoc cref="Euid"/>
    public uint Suid => Becomes(SetUserId) ? Target.Owner : NewSaved(Subject.Suid, Subject.Euid);

    /// <summary>The group it acts as; at CREDS_CHECK, the one that a set-group-ID program makes of it.</summary>
    public uint Egid => Becomes(SetGroupId | GroupExecute) ? Target.Group : Subject.Egid;

    /// <inheritdoc cref="Egid"/>
    public uint Sgid => Becomes(SetGroupId | GroupExecute)
        ? Target.Group
        : NewSaved(Subject.Sgid, Subject.Egid);

    /// <summary>The same access, as it is at a hook that is not open(2).</summary>
    public AccessFacts At(ImaHook hook) => At(hook, hook.Mask());

    /// <summary>The same access, as it is at another hook.</summary>
    public AccessFacts At(ImaHook hook, AccessMask? mask) =>
        new() { Hook = hook, Mask = mask, Subject = Subject, Target = Target };

    bool Becomes(int bits) => Hook == ImaHook.CredsCheck && (Target.Mode & bits) == bits;

    /// <summary>An exec makes the saved ids the effective ones (credentials(7)).</summary>
    uint NewSaved(uint saved, uint effective) => Hook == ImaHook.CredsCheck ? effective : saved;
}
