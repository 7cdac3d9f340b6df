using System.Text;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Daemon;

/// <summary>Finds out why a file is denied, or is not: judges it as it is now, and compares that with what was decided.</summary>
sealed class Explainer(WhyContext context)
{
    static readonly ImaHook[] Hooks = [ImaHook.BprmCheck, ImaHook.MmapCheck, ImaHook.FileCheck];

    /// <summary>Decisions about one file and process that are no further apart come of one attempt to run it.</summary>
    static readonly TimeSpan OneAttempt = TimeSpan.FromSeconds(1);

    /// <param name="path">The file.</param>
    /// <param name="most">Decisions that are shown at most.</param>
    public WhyReport Explain(string path, int most)
    {
        string full = Path.GetFullPath(path);
        if (FileStat.TryOfPath(full, out FileStat stat) && !stat.IsRegular)
        {
            // Not opened: to open a device can have consequences.
            return Untold(full, WhyVerdict.NotAsked, "no regular file: nothing is asked about it", most);
        }

        try
        {
            using FileInspection file = FileInspection.Of(full, Launcher.ImaHash(context.Options));
            return Explain(full, file, most);
        }
        catch (ErrnoException e)
        {
            return Untold(full, WhyVerdict.Unknown, e.Message, most);
        }
    }

    /// <summary>The decisions about a path, or about the file that is there now by whatever path, oldest first.</summary>
    /// <param name="shown">As the log writes it.</param>
    public List<DecisionRecord> DecisionsOf(string shown, FileStat? stat)
    {
        string? device = stat is { } there ? DecisionWriter.DeviceOf(in there) : null;
        return
        [
            .. context.History.Records.Where(record =>
                record.Path == shown || (device != null && record.Device == device && record.Inode == stat!.Value.Inode)),
        ];
    }

    /// <summary>
    /// The last one; but of the exec, where that was denied the same process just before: a shell then opens the file to
    /// look whether it is a script, and a loader maps it.
    /// </summary>
    static DecisionRecord? DenialIn(List<DecisionRecord> decisions)
    {
        DecisionRecord? last = decisions.FindLast(record => record.IsDenial);
        string exec = ImaHook.BprmCheck.Name();
        return last == null ? null : decisions.FindLast(record => record.IsDenial && record.Hook == exec
            && record.Pid == last.Pid && (last.Latest - record.Latest).Duration() <= OneAttempt) ?? last;
    }

    WhyReport Untold(string path, WhyVerdict verdict, string error, int most)
    {
        string shown = EntryName.ToText(Encoding.UTF8.GetBytes(path));
        List<DecisionRecord> decisions = DecisionsOf(shown, stat: null);
        return new WhyReport
        {
            Path = shown,
            Verdict = verdict,
            Mode = Words.Name(context.Options.Appraise),
            Error = error,
            Decisions = [.. decisions.TakeLast(most)],
            LastAllowed = decisions.FindLast(record => record.IsAllowed),
            Notes = context.Notes,
        };
    }

    WhyReport Explain(string asked, FileInspection file, int most)
    {
        string path = Encoding.UTF8.GetString(file.File.Path);
        string shown = EntryName.ToText(file.File.Path);
        List<DecisionRecord> decisions = DecisionsOf(shown, file.File.Stat);
        DecisionRecord? denial = DenialIn(decisions);
        DecisionRecord? allowed = decisions.FindLast(record => record.IsAllowed);
        Judgement now = Judge(file, denial);
        List<ListLine> lists = ListSearch.Find(
            [.. context.Options.Reference, ListSearch.PackagesIn(context.Options.State)], path, DigestsOf(file));
        PackageOwner? package = PackageOwner.Find(path)?.Compared(lists, now.Verdict == WhyVerdict.Denied);
        WhyLabel label = LabelOf(file);
        bool fails = now.Verdict is WhyVerdict.Denied or WhyVerdict.WouldDeny;
        return new WhyReport
        {
            Path = shown,
            Verdict = now.Verdict,
            Mode = now.Rule?.OnlyLogs == true ? "log" : Words.Name(context.Options.Appraise),
            Hook = now.Rule == null ? null : now.Hook.Name(),
            Rule = now.Rule?.ToString(),
            Origin = now.Rule?.Origin,
            Reason = now.Rule?.Reason,
            Cause = fails ? AppraisalText.Cause(now.Finding.Outcome) : null,
            By = now.Finding.By == Vouching.None ? null : string.Join('|', Vouchings.NamesOf(now.Finding.By)),
            Reference = ReferenceText.Of(context.Vouchers.References, now.Finding.Reference).Line,
            Digest = file.File.Digest.ToString(),
            Label = label,
            Lists = lists,
            Package = package,
            LastAllowed = allowed,
            Changes = allowed == null || !fails ? [] : Changes.Since(allowed, file, now.Rule, lists, context),
            Remedies = fails ? new Remedies(context, file, now.Failing, package, lists).Find(allowed) : [],
            Decisions = [.. decisions.TakeLast(most)],
            Notes = [.. context.Notes, .. NotesOn(asked, now.Finding, label)],
        };
    }

    /// <summary>At each hook that its accesses pass, as who was denied last.</summary>
    Judgement Judge(FileInspection file, DecisionRecord? denial)
    {
        Subject subject = SubjectOf(denial?.Uid ?? 0);
        ImaHook? first = denial?.Hook is { } name ? ImaHooks.Parse(name) : null;
        var failing = new List<ImaRule>();
        (ImaHook Hook, ImaRule? Rule, Finding Finding) decisive = (default, null, Finding.Pass);
        foreach (ImaHook hook in Hooks.OrderByDescending(hook => hook == first))
        {
            Question question = file.Ask(context.Policy, hook, subject);
            bool distrusts = file.FilesystemMagic == FileAppraisal.Fuse && question.FailsSecurely;
            Finding found = FileAppraisal.Appraise(in question, file, context.Vouchers, distrusts, out ImaRule? rule);
            if (!found.Passes)
            {
                failing.AddRange(question.Decision.Appraise.ToArray().Where(one => !file.Appraise(one, context.Vouchers).Passes));
            }

            bool isWorse = !found.Passes && (decisive.Finding.Passes || (decisive.Rule!.OnlyLogs && !rule!.OnlyLogs));
            decisive = rule != null && (decisive.Rule == null || isWorse) ? (hook, rule, found) : decisive;
        }

        return new Judgement(decisive.Hook, decisive.Rule, decisive.Finding, [.. failing.Distinct()], VerdictOf(decisive.Rule, decisive.Finding));
    }

    WhyVerdict VerdictOf(ImaRule? rule, Finding found) =>
        rule == null || context.Options.Appraise == AppraiseMode.Off ? WhyVerdict.NotAsked
        : found.Passes ? WhyVerdict.Allowed
        : context.Options.Appraise == AppraiseMode.Enforce && !rule.OnlyLogs ? WhyVerdict.Denied
        : WhyVerdict.WouldDeny;

    WhyLabel LabelOf(FileInspection file)
    {
        SecurityIma label = file.File.SecurityIma;
        string? digest = label.IsDigest ? $"{label.Algorithm}:{Convert.ToHexStringLower(label.Digest)}" : null;
        string? check = !label.IsSignature ? null : label.Type == SecurityImaType.VeritySignature
            && !file.File.HasVerity
                ? "no fs-verity digest"
                : Words.Phrase(SignatureAppraisal.Appraise(in label, file.File.Digest, file.File.Verity, context.Vouchers.Keys).Check);
        return new WhyLabel(LabelText.Kind(label.Type), digest, LabelText.Key(LabelText.KeyId(in label)), check);
    }

    static string[] DigestsOf(FileInspection file) =>
    [
        .. new[] { file.File.Digest, file.File.Reference, file.File.Verity }
            .Where(digest => digest.Algorithm != null)
            .Select(digest => Convert.ToHexStringLower(digest.Bytes)).Distinct(),
    ];

    IEnumerable<string> NotesOn(string asked, Finding now, WhyLabel label)
    {
        if (now.Check is { } check and not SignatureCheck.UnknownKey)
        {
            yield return AppraisalText.OfSignature(check);
        }

        if (label.Key != null && label.Check == Words.Phrase(SignatureCheck.UnknownKey))
        {
            yield return $"no certificate or public key in {string.Join(", ", context.Options.Keys)} has the id {label.Key}";
        }

        List<Mount> mounts = Mounts.Read();
        var selection = new WatchSelection(context.Options.Watch);
        if (selection.Paths.Count + selection.Selectors.Count > 0 && Mounts.Of(asked, mounts) is { } mount
            && !selection.Matches(mount) && !selection.DevicesOfPaths(mounts).Contains(mount.Device))
        {
            yield return $"{mount.Place} is not watched: nothing there is denied";
        }
    }

    static Subject SubjectOf(uint uid)
    {
        bool isRoot = uid == 0;
        return new Subject
        {
            Known = SubjectFacts.Ids | SubjectFacts.Capabilities,
            Uid = uid, Euid = uid, Suid = uid, Gid = uid, Egid = uid, Sgid = uid,
            MaySetUid = isRoot, MaySetGid = isRoot,
        };
    }

    /// <param name="Rule">The one that decides; null: none appraises it.</param>
    /// <param name="Failing">All that are not content.</param>
    sealed record Judgement(
        ImaHook Hook, ImaRule? Rule, Finding Finding, IReadOnlyList<ImaRule> Failing, WhyVerdict Verdict);
}
