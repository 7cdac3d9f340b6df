using ImaHost.Appraisal;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Trees;

namespace ImaHost.Daemon;

/// <summary>
/// Enforcing before everything is labelled would lock an administrator out. What nobody can do without, and this
/// program, are tried before anything is watched.
/// </summary>
static class EnforceCheck
{
    static readonly string[] Essentials =
        ["/bin/sh", "/sbin/init", "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

    /// <exception cref="ConfigurationException">Something essential on a watched filesystem would be denied.</exception>
    public static void Require(DaemonOptions options, ImaPolicy policy, Vouchers vouchers, string guard)
    {
        if (options.Appraise != AppraiseMode.Enforce)
        {
            return;
        }

        List<Mount> mounts = Mounts.Read();
        HashSet<DeviceNumber> watched = Watched(new WatchSelection(options.Watch), mounts);
        string[] denied = [.. Essentials.Append(guard).Append(Environment.ProcessPath!)
            .Where(path => File.Exists(path) && Mounts.Of(path, mounts) is { } mount && watched.Contains(mount.Device)
                && IsDenied(path, options, policy, vouchers))];
        if (denied.Length > 0)
        {
            throw new ConfigurationException(
                $"--appraise enforce would deny {string.Join(", ", denied)}: label the whole filesystem first"
                + " (imahost label), and look at what --appraise log says");
        }
    }

    static HashSet<DeviceNumber> Watched(WatchSelection selection, List<Mount> mounts) =>
    [
        .. mounts.Where(mount => selection.Matches(mount)).Select(mount => mount.Device),
        .. selection.DevicesOfPaths(mounts),
    ];

    /// <summary>Root starts, maps and reads it.</summary>
    static bool IsDenied(string path, DaemonOptions options, ImaPolicy policy, Vouchers vouchers)
    {
        var root = new Subject { Known = SubjectFacts.Ids | SubjectFacts.Capabilities };
        using var audited = new AuditedFile(policy, vouchers, Launcher.ImaHash(options), root);
        using HeldFile file = HeldFile.Open(path);
        return audited.Judge(file, CancellationToken.None) is { Verdict: AuditVerdict.Denied };
    }
}
