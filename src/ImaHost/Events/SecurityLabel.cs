using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Events;

/// <summary>What a security module calls subjects and files.</summary>
static class SecurityLabel
{
    const int MaxLabel = 4096; // A page: no module gives out more.
    const int NoData = 61; // ENODATA, errno(3)
    const int NotSupported = 95; // EOPNOTSUPP

    /// <summary>The label in the text of /proc/PID/attr/current: without its NUL or newline, and AppArmor's mode.</summary>
    public static ReadOnlySpan<byte> OfSubject(SecurityModule module, ReadOnlySpan<byte> text)
    {
        text = text.TrimEnd("\0\n"u8);

        // "/usr/bin/man (enforce)", "unconfined" (aa_label_asxprint). The profile's own name may hold brackets as well.
        int mode = module == SecurityModule.AppArmor && text.EndsWith(")"u8) ? text.LastIndexOf(" ("u8) : -1;
        return mode > 0 ? text[..mode] : text;
    }

    /// <summary>Appends the label of a file.</summary>
    /// <returns>
    /// False when it could not be read, or no module is active. When it has none, or the module labels no files, that
    /// is known, and nothing is appended.
    /// </returns>
    public static bool TryReadOfFile(HeldFile file, SecurityModule module, ByteBuilder into) => module switch
    {
        SecurityModule.SELinux => TryRead(file, "security.selinux\0"u8, into),
        SecurityModule.Smack => TryRead(file, "security.SMACK64\0"u8, into),
        SecurityModule.AppArmor => true,
        SecurityModule.None => false,
        _ => throw new ArgumentOutOfRangeException(nameof(module)),
    };

    static bool TryRead(HeldFile file, ReadOnlySpan<byte> name, ByteBuilder into)
    {
        Span<byte> label = stackalloc byte[MaxLabel];
        int length = file.GetXattr(name, label);
        into.Append(label[..Math.Max(length, 0)].TrimEnd((byte)0));
        return length is >= 0 or -NoData or -NotSupported;
    }
}
