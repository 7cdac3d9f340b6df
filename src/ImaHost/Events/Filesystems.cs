using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Events;

/// <summary>What is known of a filesystem.</summary>
/// <param name="Known">Which of the facts hold.</param>
/// <param name="Type">As in mountinfo: "ext4", "fuse.sshfs".</param>
/// <param name="Uuid">Null, though known: it has none.</param>
readonly record struct FilesystemFacts(TargetFacts Known, string? Type, Guid? Uuid);

/// <summary>
/// The types and UUIDs of filesystems. What our own mountinfo says is kept until the kernel tells that mounts have
/// changed, which is asked before each use: as long as a filesystem is mounted here, nobody else gets its device
/// number. What another mount namespace has mounted can go without our being told, so that is read each time. For any
/// number of threads.
/// </summary>
sealed class Filesystems : IDisposable
{
    const int LongestLine = 53248; // Three texts of PATH_MAX, each byte escaped, and the rest; options may be cut off.

    readonly Lock _gate = new();
    readonly HeldFile _mounts = HeldFile.Open("/proc/self/mountinfo");
    readonly byte[] _buffer = new byte[LongestLine];
    readonly Dictionary<DeviceNumber, string> _typeOfDevice = [];
    readonly Dictionary<ulong, string> _typeOfMount = [];
    Dictionary<DeviceNumber, Guid>? _uuids;
    bool _isRead;

    /// <summary>Finds out what is asked of a file's filesystem.</summary>
    /// <param name="pid">Who accesses the file: it may lie in a mount namespace of theirs. 0: not visible from here.</param>
    /// <param name="device">Of the file, as stat(2) tells it.</param>
    public FilesystemFacts Find(HeldFile file, int pid, DeviceNumber device, TargetFacts wanted)
    {
        TargetFacts known = TargetFacts.None;
        string? type = null;
        Guid? uuid = null;
        if ((wanted & TargetFacts.FsType) != 0 && (type = FindType(file, pid, device)) != null)
        {
            known |= TargetFacts.FsType;
        }

        if ((wanted & TargetFacts.FsUuid) != 0 && (file.TryGetFilesystemUuid(out uuid) || TryFindUuid(device, out uuid)))
        {
            known |= TargetFacts.FsUuid;
        }

        return new FilesystemFacts(known, type, uuid);
    }

    public void Dispose() => _mounts.Dispose();

    string? FindType(HeldFile file, int pid, DeviceNumber device)
    {
        lock (_gate)
        {
            Refresh();
            if (_typeOfDevice.TryGetValue(device, out string? type))
            {
                return type;
            }
        }

        // On btrfs each subvolume has a device number of its own, which mountinfo does not show.
        ulong? mount = file.MountId;
        lock (_gate)
        {
            if (mount != null && _typeOfMount.TryGetValue(mount.Value, out string? type))
            {
                return type;
            }
        }

        return FindTypeElsewhere(pid, device, mount);
    }

    static string? FindTypeElsewhere(int pid, DeviceNumber device, ulong? mountId)
    {
        using ProcessDirectory process = ProcessDirectory.Open(pid);
        using HeldFile? mounts = process.TryOpen("mountinfo\0"u8);
        if (mounts == null)
        {
            return null;
        }

        var reader = new LineReader(mounts, stackalloc byte[LongestLine]);
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (MountInfoLine.TryParse(line, out MountInfoLine mount) && (mount.Device == device || mount.MountId == mountId))
            {
                return MountInfoLine.ToText(mount.Type);
            }
        }

        return null;
    }

    /// <summary>
    /// For kernels that do not tell: the block device's. What lies on none has no UUID, or one that was made up when it
    /// was mounted, which no rule can know.
    /// </summary>
    bool TryFindUuid(DeviceNumber device, out Guid? uuid)
    {
        uuid = null;
        if (device.Major == 0)
        {
            return true;
        }

        lock (_gate)
        {
            Refresh();
            Dictionary<DeviceNumber, Guid>? uuids = _typeOfDevice.ContainsKey(device)
                ? _uuids ??= DiskUuids.Read(DiskUuids.Directory)
                : DiskUuids.Read(DiskUuids.Directory);
            uuid = uuids != null && uuids.TryGetValue(device, out Guid found) ? found : null;
            return uuids != null;
        }
    }

    /// <summary>Asks before it reads: what changes meanwhile is told the next time.</summary>
    void Refresh()
    {
        if (!_mounts.HasUrgentNews() && _isRead)
        {
            return;
        }

        _typeOfDevice.Clear();
        _typeOfMount.Clear();
        _uuids = null;
        var reader = new LineReader(_mounts, _buffer);
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (MountInfoLine.TryParse(line, out MountInfoLine mount))
            {
                string type = MountInfoLine.ToText(mount.Type);
                _typeOfDevice[mount.Device] = type;
                _typeOfMount[mount.MountId] = type;
            }
        }

        _isRead = reader.Error == 0;
    }
}
