namespace ImaHost.Policy;

/// <summary>
/// Which files the kernel reads for itself: no event tells that it loads one, but it opens it first, or modprobe(8) or
/// kexec(8) does. So every open of a file with such a path counts as loading it.
/// </summary>
static class HookPaths
{
    /// <summary>The hook that an open of the file passes besides FILE_CHECK, or null.</summary>
    public static ImaHook? HookOf(ReadOnlySpan<byte> path)
    {
        ReadOnlySpan<byte> name = path[(path.LastIndexOf((byte)'/') + 1)..];
        if (name.EndsWith(".ko"u8) || name.EndsWith(".ko.xz"u8) || name.EndsWith(".ko.zst"u8) || name.EndsWith(".ko.gz"u8))
        {
            return ImaHook.ModuleCheck;
        }

        if (path.IndexOf("/lib/firmware/"u8) >= 0)
        {
            return ImaHook.FirmwareCheck;
        }

        if (path.IndexOf("/boot/"u8) < 0 && path.IndexOf("/lib/modules/"u8) < 0)
        {
            return null;
        }

        return name.StartsWith("vmlinu"u8) || name.StartsWith("bzImage"u8) || name.StartsWith("Image"u8)
                ? ImaHook.KexecKernelCheck
            : name.StartsWith("initrd"u8) || name.StartsWith("initramfs"u8) ? ImaHook.KexecInitramfsCheck
            : null;
    }
}
