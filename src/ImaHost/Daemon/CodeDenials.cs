using System.Globalization;
using System.Text.Json.Serialization;
using ImaHost.Interop;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>What the BPF programs refused, or would have, of one file in one way.</summary>
/// <param name="Denied">False: it was let through.</param>
/// <param name="Pid">Of who tried last.</param>
/// <param name="Count">Times.</param>
sealed record CodeRefusal(string Path, string Hook, string Cause, bool Denied, string Program, uint Pid, uint Uid, long Count)
{
    /// <summary>For people.</summary>
    [JsonIgnore]
    public string Text => string.Create(
        CultureInfo.InvariantCulture,
        $"{(Denied ? "refused" : "would refuse")} {Hook} of {Path}: {Cause}, {Count} times, last by {Program} ({Pid})");
}

/// <summary>
/// Takes in what the BPF programs tell. The first time of each file is a line of log; a loop of somebody's must not fill
/// it.
/// </summary>
sealed class CodeDenials(ILogger log)
{
    /// <summary>Files that are told apart.</summary>
    const int Most = 256;

    /// <summary>What it is about where that is no file.</summary>
    const string TheService = "guard or host";

    readonly Lock _gate = new();
    readonly Dictionary<(string, CodeHook, CodeCause, bool), CodeRefusal> _seen = [];

    /// <summary>In the order of their paths.</summary>
    public IReadOnlyList<CodeRefusal> Seen
    {
        get
        {
            lock (_gate)
            {
                return [.. _seen.Values.OrderBy(refusal => refusal.Path, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>To be called for each, by any thread.</summary>
    public void Take(CodeDenial denial)
    {
        string path = denial.Path.Length == 0 ? TheService : EntryName.ToLine(denial.Path);
        (string, CodeHook, CodeCause, bool) key = (path, denial.Hook, denial.Cause, denial.IsDenied);
        lock (_gate)
        {
            bool isKnown = _seen.TryGetValue(key, out CodeRefusal? before);
            if (!isKnown && _seen.Count == Most)
            {
                return;
            }

            _seen[key] = new CodeRefusal(
                path, Words.Name(denial.Hook), Words.Name(denial.Cause), denial.IsDenied, EntryName.ToLine(denial.Program),
                denial.Pid, denial.Uid, (before?.Count ?? 0) + 1);
            if (isKnown)
            {
                return;
            }
        }

        Say(denial, path);
    }

    void Say(CodeDenial denial, string path)
    {
        string program = EntryName.ToLine(denial.Program);
        if (denial.IsDenied)
        {
            Logging.CodeDenied(log, denial.Hook, path, denial.Pid, program, denial.Cause);
        }
        else
        {
            Logging.CodeReported(log, denial.Hook, path, denial.Pid, program, denial.Cause);
        }
    }
}
