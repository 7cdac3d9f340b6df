using System.Globalization;
using System.Text;
using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>The guard's program: where it is, how it is started, and what it says of itself.</summary>
static class GuardProgram
{
    const string Installed = "/usr/libexec/imahost/imahost-guard";

    /// <summary>RENEW_VERSION of native/renew.h: of what one image of the guard leaves to the next.</summary>
    const int StateVersion = 2;

    /// <summary>What stands in every image (native/renew.c).</summary>
    static readonly byte[] Mark = "imahost-guard abi "u8.ToArray();

    static readonly byte[] Ours = Encoding.ASCII.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"imahost-guard abi {GuardAbi.Version} state {StateVersion}\0"));

    /// <exception cref="ConfigurationException">It is not installed.</exception>
    public static string Find()
    {
        string beside = Path.Combine(AppContext.BaseDirectory, "imahost-guard");
        string[] places = [beside, Installed];
        return places.FirstOrDefault(File.Exists)
            ?? throw new ConfigurationException($"imahost-guard is neither {places[0]} nor {places[1]}");
    }

    /// <summary>Can it go on where the running guard is?</summary>
    /// <param name="why">Why not.</param>
    public static bool CanTakeOver(ReadOnlySpan<byte> image, out string why)
    {
        int at = image.IndexOf(Mark);
        why = at < 0 ? "it is no guard that can take over"
            : image[at..].StartsWith(Ours) ? ""
            : $"it speaks another version of the protocol ({Encoding.ASCII.GetString(TextAt(image[at..]))})";
        return why.Length == 0;
    }

    public static List<string> Arguments(DaemonOptions options, SoftwareTpm? embedded)
    {
        var arguments = new List<string>();
        foreach (string path in new WatchSelection(options.Watch).Paths)
        {
            arguments.AddRange(["--watch", path]);
        }

        arguments.AddRange(["--fs", options.Fs, "--fail", options.FailAllows ? "allow" : "deny"]);
        arguments.AddRange(["--host-down", Words.Name(options.HostDown.Action)]);
        arguments.AddRange(["--host-down-limit", Number(options.HostDown.Limit)]);
        foreach ((string kind, int limit) in options.Deadline.ByKind)
        {
            arguments.AddRange(["--deadline", $"{kind}:{Number(limit)}"]);
        }

        arguments.AddRange(["--cache", Number(options.Cache)]);
        arguments.AddRange([.. CodeGates.Arguments(options), .. CodeGates.TrustArguments(options, embedded?.Pid ?? 0)]);
        if (options.Resolved!.MayLabel)
        {
            arguments.Add("--host-labels");
        }

        if (embedded != null)
        {
            arguments.AddRange(["--companion", Number(embedded.Pid)]);
        }

        return arguments;
    }

    static ReadOnlySpan<byte> TextAt(ReadOnlySpan<byte> image)
    {
        int end = image[..Math.Min(image.Length, 64)].IndexOf((byte)0);
        return end < 0 ? [] : image[..end];
    }

    static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
