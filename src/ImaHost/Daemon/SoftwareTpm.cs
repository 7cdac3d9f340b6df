using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace ImaHost.Daemon;

/// <summary>
/// An swtpm(8) of our own, for machines without a TPM. It is started before anything is watched and ends with the
/// guard; one left behind by a killed guard is used again, because its PCRs still hold what the list says.
/// </summary>
/// <param name="IsNew">It was not left from before.</param>
sealed record SoftwareTpm(string Transport, int Pid, bool IsNew)
{
    /// <summary>sun_path of unix(7), less its NUL.</summary>
    const int MaxSocketPath = 107;

    /// <exception cref="ConfigurationException">swtpm is missing or does not start.</exception>
    public static SoftwareTpm Start(string state)
    {
        string directory = Path.Combine(state, "swtpm");
        string socket = Path.Combine(directory, "sock");
        string pidFile = Path.Combine(directory, "pid");
        string control = socket + ".ctrl";
        if (control.Length > MaxSocketPath)
        {
            throw new ConfigurationException($"{control} is too long for a socket: choose a shorter --state");
        }

        _ = Directory.CreateDirectory(
            directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        bool isNew = !Answers(socket);
        if (isNew)
        {
            File.Delete(socket);
            File.Delete(control);
            Run(
                "socket", "--tpm2", "--daemon", "--tpmstate", $"dir={directory},mode=0600",
                "--server", $"type=unixio,path={socket},mode=0600", "--ctrl", $"type=unixio,path={control},mode=0600",
                "--flags", "not-need-init,startup-clear", "--pid", $"file={pidFile}");
        }

        return new SoftwareTpm(
            $"swtpm:path={socket}", int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture), isNew);
    }

    /// <summary>Ends an emulator that holds nothing yet.</summary>
    public void StopIfNew()
    {
        if (IsNew)
        {
            using Process process = Process.GetProcessById(Pid);
            process.Kill();
        }
    }

    static bool Answers(string socket)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(socket));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    static void Run(params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("swtpm", arguments) { RedirectStandardError = true })
                ?? throw new InvalidOperationException();
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                throw new ConfigurationException($"swtpm did not start (status {process.ExitCode}): {errors.Trim()}");
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new ConfigurationException(
                "there is no /dev/tpmrm0, and no swtpm to run: install the package swtpm, name a TPM"
                + " by --tpm, or use --tpm none to keep a list that nothing vouches for");
        }
    }
}
