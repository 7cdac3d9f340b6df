using System.Globalization;
using System.Text;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Events;

/// <summary>
/// Finds out whether a published file is open for writing. By what /proc/PID/fd shows and not by asking the filesystem,
/// whose server would wait for itself. Where it is mounted a second time it has another path: its name and its filesystem
/// tell it.
/// </summary>
static class OpenWriters
{
    const int MostPath = 4096;

    /// <param name="name">Without its directory.</param>
    /// <param name="device">Of its filesystem; null: any file of that name counts.</param>
    public static bool Any(string name, DeviceNumber? device)
    {
        byte[] wanted = Encoding.UTF8.GetBytes($"/{name}");
        using var processes = new NumberedEntries("/proc", static _ => { });
        while (processes.MoveNext())
        {
            if (processes.Current != Environment.ProcessId && Writes(processes.Current, wanted, device))
            {
                return true;
            }
        }

        return false;
    }

    static bool Writes(int pid, byte[] end, DeviceNumber? device)
    {
        Span<byte> link = stackalloc byte[MostPath];
        Span<byte> info = stackalloc byte[512];
        using ProcessDirectory process = ProcessDirectory.Open(pid);
        // Not those of fd, which are links: the enumeration looks at where they lead.
        using var descriptors = new NumberedEntries(
            string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fdinfo"), static _ => { });
        while (descriptors.MoveNext())
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{descriptors.Current}\0");
            byte[] shown = Encoding.ASCII.GetBytes($"fd/{name}");
            int length = process.ReadLink(shown, link);
            if (length > 0 && link[..length].EndsWith(end) && (device == null || IsOn(device, in process, shown))
                && process.Read(Encoding.ASCII.GetBytes($"fdinfo/{name}"), info) is > 0 and int got
                && DescriptorInfo.TryParse(info[..got], out DescriptorInfo descriptor)
                && descriptor.Holder == Holders.Writer)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A server is not asked for this.</summary>
    static bool IsOn(DeviceNumber? device, in ProcessDirectory process, byte[] link) =>
        process.TryStat(link, out FileStat stat) && device == new DeviceNumber(stat.DeviceMajor, stat.DeviceMinor);
}
