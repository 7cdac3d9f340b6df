namespace ImaHost.Policy;

/// <summary>A security module (LSM) that labels subjects or files.</summary>
enum SecurityModule
{
    /// <summary>None: rules about labels are inactive, as in the kernel (ima_lsm_rule_init).</summary>
    None,
    /// <summary>Labels are "user:role:type" or "user:role:type:level".</summary>
    SELinux,
    /// <summary>Labels are one word, which rules call subj_user and obj_user.</summary>
    Smack,
    /// <summary>Subjects have a profile, which rules call subj_role; files have no label.</summary>
    AppArmor,
}

/// <summary>Finds the one that is active.</summary>
static class SecurityModules
{
    /// <summary>The active one of this machine.</summary>
    public static SecurityModule Active { get; } = Detect("/sys");

    /// <param name="sys">Where sysfs is mounted.</param>
    public static SecurityModule Detect(string sys) =>
        File.Exists(Path.Combine(sys, "fs/selinux/enforce")) ? SecurityModule.SELinux
        : Directory.Exists(Path.Combine(sys, "fs/smackfs")) && File.Exists(Path.Combine(sys, "fs/smackfs/load2"))
            ? SecurityModule.Smack
        : IsYes(Path.Combine(sys, "module/apparmor/parameters/enabled")) ? SecurityModule.AppArmor
        : SecurityModule.None;

    static bool IsYes(string path)
    {
        try
        {
            return File.ReadAllText(path).StartsWith('Y');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
