using System.Globalization;
using System.Text;
using ImaHost.Events;
using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>The mounts of one namespace, as the processes there see them that have the same root directory.</summary>
sealed class MountView(bool isOwn)
{
    const string Own = "/proc/self";
    byte[] _text = [];
    string _directory = Own;

    /// <summary>Is it the namespace of this process?</summary>
    public bool IsOwn => isOwn;

    /// <summary>As they were when they were read last.</summary>
    public List<Mount> Mounts { get; private set; } = [];

    /// <summary>Reads them again.</summary>
    /// <param name="directory">"/proc/PID" of a process that sees them.</param>
    /// <returns>False when that process is gone.</returns>
    public bool TryRead(string directory = Own)
    {
        try
        {
            byte[] text = File.ReadAllBytes($"{directory}/mountinfo");
            _directory = directory;
            if (!text.AsSpan().SequenceEqual(_text))
            {
                Mounts = MountInfo.Parse(text);
                _text = text;
            }

            return text.Length > 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Reads them again, by the same process.</summary>
    public bool TryReadAgain() => TryRead(_directory);

    /// <summary>Where this process finds a mount: a path that ends in a NUL.</summary>
    public byte[] PathTo(Mount mount) =>
        isOwn ? [.. mount.Point, 0] : [.. Encoding.UTF8.GetBytes($"{_directory}/root"), .. mount.Point, 0];

    /// <summary>A mount for people to read.</summary>
    public string Describe(Mount mount) => isOwn
        ? $"{mount.Place} ({mount.Type})"
        : $"{mount.Place} ({mount.Type}, in the mount namespace of pid {_directory["/proc/".Length..]})";
}

/// <summary>
/// The mount namespaces there are: our own, and those of the processes in /proc. Nothing of another namespace stays
/// open, because that would keep it alive. Users can make some by making a user namespace first. What is mounted in
/// those may be served by programs of theirs, on the way to it too, and we would wait for them: they are left alone.
/// </summary>
sealed class MountViews
{
    /// <summary>Processes that are asked for one view: some end while we look.</summary>
    const int MostAsked = 8;

    readonly MountView _own = new(isOwn: true);
    Dictionary<(string Namespace, string Root), MountView> _others = [];

    /// <summary>Namespaces that users made.</summary>
    public int LeftAlone { get; private set; }

    /// <summary>All views as they are now, our own first.</summary>
    /// <exception cref="IOException">Our own cannot be read.</exception>
    public List<MountView> Read()
    {
        if (!_own.TryRead())
        {
            throw new IOException("/proc/self/mountinfo cannot be read");
        }

        var others = new Dictionary<(string, string), MountView>();
        LeftAlone = 0;
        foreach (((string, string) key, List<string> processes) in FindOthers())
        {
            MountView view = _others.GetValueOrDefault(key) ?? new MountView(isOwn: false);
            if (TryRead(view, processes))
            {
                others.Add(key, view);
            }
        }

        _others = others;
        return [_own, .. others.Values];
    }

    bool TryRead(MountView view, List<string> processes)
    {
        foreach (string directory in processes)
        {
            if (!MountNamespace.IsOurs(directory))
            {
                if (!Directory.Exists(directory))
                {
                    continue;
                }

                LeftAlone++;
                return false;
            }

            if (view.TryRead(directory))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>By namespace and root directory: who has changed it sees another part of the mounts.</summary>
    static Dictionary<(string, string), List<string>> FindOthers()
    {
        string? own = ReadLink("/proc/self/ns/mnt");
        var found = new Dictionary<(string, string), List<string>>();
        using var processes = new NumberedEntries("/proc", _ => { });
        while (processes.MoveNext())
        {
            string directory = string.Create(CultureInfo.InvariantCulture, $"/proc/{processes.Current}");
            if (ReadLink($"{directory}/ns/mnt") is not { } theirs || theirs == own)
            {
                continue;
            }

            (string, string) key = (theirs, ReadLink($"{directory}/root") ?? "");
            if (!found.TryGetValue(key, out List<string>? same))
            {
                found.Add(key, same = []);
            }

            if (same.Count < MostAsked)
            {
                same.Add(directory);
            }
        }

        return found;
    }

    static string? ReadLink(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
