using System.Globalization;

namespace ImaHost.InteropTests.Support;

/// <summary>What the kernel below can do.</summary>
public static class Kernel
{
    /// <summary>What an access fails with that nobody judged in time: since 6.14 a guard may name another errno than EPERM.</summary>
    public static string Refusal => IsAtLeast(6, 14) ? "Device or resource busy" : "Operation not permitted";

    static bool IsAtLeast(int major, int minor)
    {
        int[] release = [.. File.ReadAllText("/proc/sys/kernel/osrelease").Split('.', '-').Take(2)
            .Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        return release[0] > major || (release[0] == major && release[1] >= minor);
    }
}
