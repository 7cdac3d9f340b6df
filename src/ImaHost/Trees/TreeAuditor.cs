using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Trees;

/// <summary>What trees are held against.</summary>
/// <param name="Policy">With its mount points as they are.</param>
/// <param name="ImaHash">The algorithm where nothing else names one.</param>
/// <param name="Subject">Who would access the files. What is not known of it counts against it, as in the host.</param>
sealed record AuditSettings(ImaPolicy Policy, Vouchers Vouchers, HashAlgorithm ImaHash, Subject Subject);

/// <summary>Finds out what a host would deny in whole trees, by several threads and without running anything.</summary>
/// <param name="problems">Takes what could not even be opened.</param>
/// <param name="tell">Is told each file, one at a time.</param>
sealed class TreeAuditor(AuditSettings settings, TreeProblems problems, Action<AuditResult> tell)
{
    readonly Lock _lock = new();

    /// <param name="stop">A file that is being hashed is left out then, too.</param>
    public void Run(IReadOnlyList<string> paths, int workers, CancellationToken stop) => TreeCrew.Run(
        new TreeWalker(paths, problems).Files(), workers, () => new Worker(settings, this, problems, stop), stop);

    void Tell(AuditResult result)
    {
        lock (_lock)
        {
            tell(result);
        }
    }

    sealed class Worker(AuditSettings settings, TreeAuditor auditor, TreeProblems problems, CancellationToken stop)
        : ITreeWorker
    {
        readonly AuditedFile _file = new(settings.Policy, settings.Vouchers, settings.ImaHash, settings.Subject);

        public void Take(TreeFile file)
        {
            using FileLook look = file.Look();
            FileStat stat = look.Stat;
            if (look.Error != 0)
            {
                problems.Add(file.Text, FileProblem.OfOpening(look.Error));
                return;
            }

            if (!stat.IsRegular || !file.IsOfTree(in stat))
            {
                return;
            }

            using HeldFile? open = look.TryOpen(out int error);
            if (open == null)
            {
                problems.Add(file.Text, FileProblem.OfOpening(error));
            }
            else if (_file.Judge(open, stop) is { } result)
            {
                auditor.Tell(result);
            }
        }

        public void Dispose() => _file.Dispose();
    }
}
