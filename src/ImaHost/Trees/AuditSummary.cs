using ImaHost.Appraisal;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Trees;

/// <summary>Counts what became of the files of an audit: by cause, by directory and by who vouches.</summary>
sealed class AuditSummary
{
    readonly Dictionary<string, int> _causes = [];
    readonly Dictionary<string, int> _directories = [];
    readonly Dictionary<string, int> _vouching = [];
    readonly int[] _verdicts = new int[Enum.GetValues<AuditVerdict>().Length];

    /// <summary>Files in all.</summary>
    public int Files => _verdicts.Sum();

    /// <summary>Why files would be denied or logged: the kernel's words.</summary>
    public IReadOnlyDictionary<string, int> Causes => _causes;

    /// <summary>Where those are.</summary>
    public IReadOnlyDictionary<string, int> Directories => _directories;

    /// <summary>Who vouches for the others.</summary>
    public IReadOnlyDictionary<string, int> Vouching => _vouching;

    public int Of(AuditVerdict verdict) => _verdicts[(int)verdict];

    public void Add(AuditResult result)
    {
        _verdicts[(int)result.Verdict]++;
        if (result.Verdict == AuditVerdict.Passes)
        {
            Count(_vouching, string.Join('|', Vouchings.NamesOf(result.Finding.By)));
        }
        else if (result.Verdict != AuditVerdict.NotAsked)
        {
            Count(_causes, CauseOf(result));
            Count(_directories, DirectoryOf(result.Path));
        }
    }

    /// <summary>The kernel's word for the cause; of what cannot be read, the errno.</summary>
    public static string CauseOf(AuditResult result) => result.Error != 0
        ? FileProblem.OfReading(result.Error)
        : AppraisalText.Cause(result.Finding.Outcome);

    /// <summary>The directory of a path, for people.</summary>
    public static string DirectoryOf(ReadOnlySpan<byte> path) =>
        EntryName.ToText(path[..Math.Max(path.LastIndexOf((byte)'/'), 1)]);

    static void Count(Dictionary<string, int> counts, string key) => counts[key] = counts.GetValueOrDefault(key) + 1;
}
