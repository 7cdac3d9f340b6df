using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Events;

/// <summary>The UUIDs of the filesystems on block devices, as udev found them: for kernels that do not tell them.</summary>
static class DiskUuids
{
    public const string Directory = "/dev/disk/by-uuid";

    /// <summary>
    /// Names that are no UUIDs, as FAT's and NTFS's, are left out. Of several filesystems with one UUID one is found.
    /// </summary>
    /// <returns>Null: there is no such directory.</returns>
    public static Dictionary<DeviceNumber, Guid>? Read(string directory)
    {
        var found = new Dictionary<DeviceNumber, Guid>();
        try
        {
            foreach (string path in System.IO.Directory.EnumerateFileSystemEntries(directory))
            {
                if (Guid.TryParseExact(Path.GetFileName(path), "D", out Guid uuid)
                    && FileStat.TryOfBlockDevice(path, out (uint Major, uint Minor) number))
                {
                    found[new DeviceNumber(number.Major, number.Minor)] = uuid;
                }
            }

            return found;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
