using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Trees;
using static System.FormattableString;

namespace ImaHost.Learning;

/// <summary>What is to be learned from a list.</summary>
/// <param name="Paths">Only files that one of these matches; none: all.</param>
/// <param name="Latest">Of several contents of one file the last one that was listed is taken.</param>
/// <param name="All">Also what changed or is gone, what others may write, and what is vouched for already.</param>
/// <param name="WouldDeny">Only what enforcing would deny now.</param>
sealed record LearnSettings(IReadOnlyList<PathGlob> Paths, bool Latest, bool All, bool WouldDeny);

/// <summary>A file that a draft vouches for.</summary>
readonly record struct LearnedFile(BytePath Path, Digest Digest);

/// <summary>What was learned.</summary>
/// <param name="Notes">What else was in the list, a line each.</param>
sealed record Learned(
    IReadOnlyList<LearnedFile> Taken, IReadOnlyList<LeftOut> LeftOut, IReadOnlyList<string> Notes);

/// <summary>Chooses among the files of a list those that a draft should vouch for.</summary>
/// <param name="judge">What is in force.</param>
sealed class Learner(LearnSettings settings, AuditSettings judge) : IDisposable
{
    const int MostNamed = 10;

    readonly FileHasher _hasher = new();
    readonly AuditedFile _judged = new(judge.Policy, judge.Vouchers, judge.ImaHash, judge.Subject);
    readonly List<LearnedFile> _taken = [];
    readonly List<LeftOut> _leftOut = [];
    int _allowed;
    int _unmatched;

    public Learned Learn(ListScan scan)
    {
        foreach (IGrouping<BytePath, ListedFile> group in scan.Files.GroupBy(file => file.Name))
        {
            BytePath path = ListedName.Resolve(group.Key) ?? group.Key;
            if (settings.Paths.Count > 0 && !settings.Paths.Any(glob => glob.Matches(path.Bytes)))
            {
                _unmatched++;
                continue;
            }

            ListedFile[] files = [.. group];
            IEnumerable<ListedFile> others = settings.Latest || files.Length == 1 ? files[..^1] : files;
            _leftOut.AddRange(others.Select(file => new LeftOut(LeftOutReason.Conflict, file.Digest, path)));
            if (settings.Latest || files.Length == 1)
            {
                Choose(path, files[^1].Digest);
            }
        }

        return new Learned(
            [.. _taken.OrderBy(file => file.Path)], [.. _leftOut.OrderBy(file => file.Path)], [.. Notes(scan)]);
    }

    public void Dispose()
    {
        _hasher.Dispose();
        _judged.Dispose();
    }

    void Choose(BytePath path, in Digest digest)
    {
        if (settings.WouldDeny && !WouldDeny(path))
        {
            _allowed++;
            return;
        }

        var disk = DiskFile.Look(path, in digest, _hasher);
        string? reason = disk.State switch
        {
            DiskState.Changed => LeftOutReason.Changed,
            DiskState.Gone => LeftOutReason.Gone,
            DiskState.Unreadable => LeftOutReason.Unreadable,
            DiskState.Same => disk.IsExposed ? LeftOutReason.Exposed
                : InForce.Has(in digest, path, judge.Vouchers) ? LeftOutReason.Known
                : null,
            _ => throw new ArgumentOutOfRangeException(nameof(digest)),
        };
        if (reason == null || settings.All)
        {
            _taken.Add(new LearnedFile(path, digest));
        }
        else
        {
            _leftOut.Add(new LeftOut(reason, digest, path));
        }
    }

    /// <summary>By the same means as imahost audit.</summary>
    bool WouldDeny(BytePath path)
    {
        using FileLook look = FileLook.At([.. path.Bytes, 0]);
        using HeldFile? open = look.Error == 0 && look.Stat.IsRegular ? look.TryOpen(out _) : null;
        return open != null
            && _judged.Judge(open, CancellationToken.None) is { Verdict: AuditVerdict.Denied or AuditVerdict.Logged };
    }

    IEnumerable<string> Notes(ListScan scan)
    {
        if (settings.WouldDeny)
        {
            yield return Invariant($"{Counted.Of(_allowed, "file that would not be denied, or is", "files that would not be denied, or are")} gone");
        }

        if (_unmatched > 0)
        {
            yield return Invariant($"{Counted.Of(_unmatched, "file")} that no --path matches");
        }

        foreach ((string what, int count) in scan.Others.OrderBy(one => one.Key, StringComparer.Ordinal))
        {
            yield return what == "no files"
                ? Invariant($"{Counted.Of(count, "entry", "entries")} of what is no file")
                : Invariant($"{Counted.Of(count, "entry", "entries")} with {what}: only {judge.ImaHash} is looked up (hash:)");
        }

        if (scan.Violated.Count > 0)
        {
            string more = scan.Violated.Count > MostNamed ? ", …" : "";
            yield return Invariant($"{Counted.Of(scan.Violated.Count, "file")} with violations, of which it is not known what was read: {string.Join(", ", scan.Violated.Take(MostNamed))}{more}");
        }
    }
}

/// <summary>What lists in force say.</summary>
static class InForce
{
    /// <summary>Does a list, or the package of a file, vouch for a digest already?</summary>
    public static bool Has(in Digest digest, BytePath path, Vouchers vouchers) => vouchers.References.TryFind(
        in digest, path.Bytes, Vouching.Reference | Vouching.Package, DateTimeOffset.UtcNow.ToUnixTimeSeconds(), out _);
}
