using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>Finds out what rules ask of a file. For one thread at a time.</summary>
sealed class TargetReader
{
    /// <summary>Mounts are the process's.</summary>
    static readonly Filesystems Mounted = new();

    readonly ByteBuilder _label = new(256);
    ulong _mount;
    long _magic;

    /// <param name="identified">What is known of it already.</param>
    /// <param name="pid">Who accesses it; 0: not visible from here.</param>
    /// <returns>Valid until the next call, and as long as the file is not identified anew.</returns>
    public Target Read(HeldFile file, CollectedFile identified, int pid, TargetFacts wanted)
    {
        var device = new DeviceNumber(identified.Stat.DeviceMajor, identified.Stat.DeviceMinor);
        TargetFacts known = identified.HasPath ? TargetFacts.Path : TargetFacts.None;
        FilesystemFacts filesystem = default;
        if ((wanted & (TargetFacts.FsType | TargetFacts.FsUuid)) != 0)
        {
            filesystem = Mounted.Find(file, pid, device, wanted);
            known |= filesystem.Known;
        }

        _label.Clear();
        if ((wanted & TargetFacts.Label) != 0 && SecurityLabel.TryReadOfFile(file, SecurityModules.Active, _label))
        {
            known |= TargetFacts.Label;
        }

        return new Target
        {
            Known = known,
            FsMagic = ReadMagic(file, identified.Stat.UniqueMount),
            Device = device,
            FsType = filesystem.Type,
            FsUuid = filesystem.Uuid,
            Owner = identified.Stat.Uid,
            Group = identified.Stat.Gid,
            Mode = identified.Stat.Mode,
            Path = identified.Path,
            Label = _label.Written,
        };
    }

    /// <summary>A mount shows one filesystem as long as it is there, and no other mount gets its number.</summary>
    long ReadMagic(HeldFile file, ulong mount)
    {
        if (mount == 0 || mount != _mount)
        {
            _magic = file.FilesystemMagic;
            _mount = _magic == 0 ? 0 : mount;
        }

        return _magic;
    }
}
