using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>What is not as it was when a file was last allowed.</summary>
static class Changes
{
    /// <param name="allowed">The decision that allowed it.</param>
    /// <param name="rule">The rule that denies it now.</param>
    public static List<string> Since(
        DecisionRecord allowed, FileInspection file, ImaRule? rule, IReadOnlyList<ListLine> lists, WhyContext context)
    {
        var changes = new List<string>();
        OfFile(allowed, file, changes);
        OfLabel(allowed, file, changes);
        if (rule != null && allowed.Rule != null && allowed.Rule != rule.ToString())
        {
            changes.Add($"the rule: it was allowed by {allowed.Origin}: {allowed.Rule}");
        }

        OfVouchers(allowed, lists, context.Vouchers, changes);
        if (allowed.Mode != null && allowed.Mode != Words.Name(context.Options.Appraise))
        {
            changes.Add($"the mode: it was {allowed.Mode}");
        }

        return changes;
    }

    static void OfFile(DecisionRecord allowed, FileInspection file, List<string> changes)
    {
        Interop.FileStat stat = file.File.Stat;
        string digest = DecisionLog.DigestOf(file.File) is { Algorithm: not null } one ? one.ToString() : "";
        bool isSameAlgorithm = allowed.Digest?.Split(':')[0] == digest.Split(':')[0];
        if (isSameAlgorithm && allowed.Digest != digest)
        {
            string when = DateTimeOffset.FromUnixTimeSeconds(stat.Modified.Seconds).ToString("yyyy-MM-dd HH:mm:ss");
            changes.Add($"its content, at {when} UTC: it was {allowed.Digest}");
        }

        if (allowed.Inode != stat.Inode || allowed.Device != DecisionWriter.DeviceOf(in stat))
        {
            changes.Add("it is another file of that name: it was replaced");
        }
    }

    static void OfLabel(DecisionRecord allowed, FileInspection file, List<string> changes)
    {
        SecurityIma label = file.File.SecurityIma;
        string tag = DecisionWriter.Hex(label.Value.IsEmpty ? 0 : LabelText.Tag(label.Value))!;
        if (allowed.LabelTag != tag)
        {
            string key = allowed.Key == null ? "" : $" by key {allowed.Key}";
            changes.Add($"its security.ima: it was {allowed.Label}{key}, now it is {LabelText.Kind(label.Type)}");
        }
    }

    static void OfVouchers(DecisionRecord allowed, IReadOnlyList<ListLine> lists, Vouchers vouchers, List<string> changes)
    {
        if (IsOther(allowed.Keys, vouchers.Keys.Stamp))
        {
            changes.Add("the keys that are trusted");
        }

        if (IsOther(allowed.Blacklist, vouchers.Blacklist.Stamp))
        {
            changes.Add("what was revoked");
        }

        if (allowed.Reference != null && !lists.Any(line => line.HasDigest))
        {
            changes.Add($"the lists: {allowed.Reference} vouched for it, and no list has its digest any more");
        }
        else if (allowed.Reference != null && IsOther(allowed.References, vouchers.References.Stamp))
        {
            changes.Add($"the lists: {allowed.Reference} vouched for it");
        }
    }

    static bool IsOther(string? then, ulong now) => then != null && then != DecisionWriter.Hex(now);
}
