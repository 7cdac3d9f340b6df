using System.Globalization;
using System.Text;
using ImaHost.Segments;

namespace ImaHost.Daemon;

/// <summary>What `imahost segments` asks a running host.</summary>
sealed class SegmentRequests(SegmentUpkeep upkeep)
{
    const string Prefix = "segments ";

    /// <summary>Who asks does not wait longer for a target that does not answer.</summary>
    const int AnswerMilliseconds = 2000;

    /// <returns>Null: that is no such request.</returns>
    public string? Answer(ControlRequest request)
    {
        if (!request.Line.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string[] words = request.Line[Prefix.Length..].Split(' ', 2);
        return words switch
        {
            ["flush"] => AnswerFlush(),
            ["left"] => AnswerLeft(),
            ["prune", { } what] when LogOptions.TryParseRetention(what) is { } retention => AnswerPrune(retention),
            ["export", { } where] when ExportTarget.TryParse(where) is { } target => AnswerTarget(target),
            _ => null,
        };
    }

    string AnswerFlush()
    {
        upkeep.Flush();
        ListExports exports = upkeep.Exports;
        return upkeep.SealingFault is { } fault ? $"error: {fault}\n"
            : exports.State is { Failed: { } failed } ? $"error: {failed}\n"
            : exports.Held is { } held ? $"error: {held}\n"
            : exports.State is { } state && state.Next < upkeep.Sealed ? $"error: {state.Target} is slow: the export goes on\n"
            : string.Create(CultureInfo.InvariantCulture, $"ok: {upkeep.Sealed} segments are sealed\n");
    }

    string AnswerLeft()
    {
        string left = string.Join("; ", upkeep.Left());
        return left.Length == 0 ? "ok\n" : $"error: {left}\n";
    }

    string AnswerPrune(Retention retention)
    {
        if (upkeep.Staging.IsRead)
        {
            return "error: somebody has the published list open: try again when it is closed\n";
        }

        if (!upkeep.Exporting.TryEnter(AnswerMilliseconds))
        {
            return $"error: {Hangs()}, and nothing is erased meanwhile\n";
        }

        var text = new StringBuilder();
        try
        {
            IReadOnlyList<ErasedSegment> erased = upkeep.Erase(retention);
            if (upkeep.RetentionFault is { } fault)
            {
                return string.Create(CultureInfo.InvariantCulture, $"error: {fault}; {erased.Count} segments before it were erased\n");
            }

            foreach (ErasedSegment one in erased)
            {
                _ = text.Append(
                    CultureInfo.InvariantCulture,
                    $"{one.Segment} {one.FirstEntry} {one.Entries} {one.Bytes} {one.Warning}\n");
            }
        }
        finally
        {
            upkeep.Exporting.Exit();
        }

        return text.Append("ok\n").ToString();
    }

    /// <summary>A target that hangs keeps nobody from naming another: that counts as soon as the old one lets go.</summary>
    string AnswerTarget(ExportTarget target)
    {
        if (!upkeep.Exporting.TryEnter(AnswerMilliseconds))
        {
            upkeep.SetTargetLater(target);
            return $"error: {Hangs()}; the new target counts as soon as it does\n";
        }

        try
        {
            return upkeep.SetTarget(target) is { } error ? $"error: {error}\n" : "ok\n";
        }
        finally
        {
            upkeep.Exporting.Exit();
        }
    }

    string Hangs() => $"the export to {upkeep.Exports.State?.Target} does not answer";
}
