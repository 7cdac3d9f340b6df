using System.Globalization;
using System.Text;
using ImaHost.Interop;

namespace ImaHost.Segments;

/// <summary>How many segments of a list a hook has had: beside the segments, so that each is handed over once.</summary>
static class HookProgress
{
    /// <summary>The first segment that it has not had.</summary>
    /// <param name="warn">Hears of a damaged file, which counts as none: everything is handed over again.</param>
    public static int Read(string list, Action<string>? warn = null) =>
        KeptFile.Read(
            PathIn(list), bytes => new Count(int.Parse(Encoding.ASCII.GetString(bytes), NumberStyles.None, CultureInfo.InvariantCulture)),
            "the hook gets every segment of that list again", warn)?.Value ?? 0;

    /// <exception cref="IOException">The disk refused it.</exception>
    public static void Write(string list, int next) =>
        DurableFile.Write(PathIn(list), Encoding.ASCII.GetBytes(next.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Sealed segments that are there and that it has not had.</summary>
    public static int CountLeft(string list) => SegmentFiles.CountThere(list, Read(list));

    static string PathIn(string list) => Path.Combine(list, "hook");

    sealed record Count(int Value);
}
