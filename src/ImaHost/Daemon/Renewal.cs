using System.Globalization;
using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>
/// Has what is installed now take over from what runs, as after an upgrade of the package, without a gap: the guard
/// executes its new image and keeps all that it holds, then another host follows this one.
/// </summary>
static class Renewal
{
    /// <summary>The question to the running host.</summary>
    public const string Request = "restart";

    /// <returns>The answer to who asked.</returns>
    public static string Begin(GuardSocket socket)
    {
        try
        {
            string path = GuardProgram.Find();
            byte[] installed = File.ReadAllBytes(path);
            CodeGates.Touch();
            string running = string.Create(CultureInfo.InvariantCulture, $"/proc/{ProcessImage.ParentPid}/exe");
            if (installed.AsSpan().SequenceEqual(File.ReadAllBytes(running)))
            {
                socket.SendRenew(null);
                return "another host follows\n";
            }

            if (!GuardProgram.CanTakeOver(installed, out string why))
            {
                return $"error: {path}: {why}: stop the service and start it anew, which leaves the gate open meanwhile\n";
            }

            using var image = SealedImage.Of(installed);
            socket.SendRenew(image);
            return "another guard and another host follow\n";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ConfigurationException or ErrnoException)
        {
            return $"error: {e.Message}\n";
        }
    }
}
