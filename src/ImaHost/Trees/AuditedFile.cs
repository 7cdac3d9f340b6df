using ImaHost.Appraisal;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Trees;

/// <summary>What a host that enforces would do with a file.</summary>
enum AuditVerdict
{
    /// <summary>No rule appraises it.</summary>
    NotAsked,
    /// <summary>Somebody vouches for it.</summary>
    Passes,
    /// <summary>Nobody does, and the rule only logs that.</summary>
    Logged,
    /// <summary>It would be denied.</summary>
    Denied,
}

/// <summary>One file, held against the rules.</summary>
/// <param name="Path">As the kernel tells it, bytes.</param>
/// <param name="Hook">The hook that decides.</param>
/// <param name="Rule">The rule that decides; null: none was asked, or the file cannot be read.</param>
/// <param name="Error">Minus the errno, when the file cannot be read, and so could not be judged.</param>
sealed record AuditResult(
    AuditVerdict Verdict, byte[] Path, ImaHook Hook, Finding Finding = default, ImaRule? Rule = null, int Error = 0);

/// <summary>
/// A file as a host sees it that is asked about it, at each of the hooks that it could pass: it is executed if somebody
/// may execute it, mapped if it is an ELF file, and read. For one thread at a time.
/// </summary>
/// <param name="subject">Who would access it.</param>
sealed class AuditedFile(ImaPolicy policy, Vouchers vouchers, Crypto.HashAlgorithm imaHash, Subject subject)
    : IMeasurementProvider, IDisposable
{
    readonly CollectedFile _file = new();
    readonly TargetReader _target = new();
    readonly List<Question> _questions = [];
    HeldFile? _open;
    long _magic;

    /// <param name="stop">No large file is read on after that.</param>
    /// <returns>Null: it was not to go on.</returns>
    public AuditResult? Judge(HeldFile open, CancellationToken stop)
    {
        _open = open;
        int error = _file.Identify(open);
        if (error < 0)
        {
            return Unreadable(error);
        }

        Ask(open);
        if (_questions.Count == 0)
        {
            return new AuditResult(AuditVerdict.NotAsked, _file.Path.ToArray(), ImaHook.FileCheck);
        }

        var wanted = new CollectRequest(imaHash, Content: false);
        foreach (Question question in _questions)
        {
            foreach (ImaRule rule in question.Decision.Appraise)
            {
                wanted = wanted.For(rule);
            }
        }

        error = _file.Collect(open, in wanted, _ => !stop.IsCancellationRequested);
        return error == FileHasher.Canceled ? null : error < 0 ? Unreadable(error) : Decide();
    }

    public Question MustMeasure(ImaPolicy policy) => throw new NotSupportedException("an audit enters nothing");

    public int Collect(in CollectRequest wanted) => _file.Collect(_open!, in wanted, goOn: null);

    public bool HasDigestFor(ImaRule rule) => _file.HasDigestFor(rule);

    public FieldSource Fields(EngineOptions options, ImaRule? rule) => _file.Fields(options.ImaHash, rule);

    public Finding Appraise(ImaRule rule, Vouchers vouchers) => FileAppraisal.Appraise(rule, _file, vouchers);

    public void Dispose() => _file.Dispose();

    AuditResult Unreadable(int error) => new(AuditVerdict.Denied, _file.Path.ToArray(), ImaHook.FileCheck, Error: error);

    /// <summary>Asks at each hook, and keeps what is to be appraised.</summary>
    void Ask(HeldFile open)
    {
        _questions.Clear();
        Target target = _target.Read(open, _file, Environment.ProcessId, policy.AsksTarget);
        _magic = target.FsMagic;
        if (_file.Stat.IsExecutable)
        {
            Ask(ImaHook.BprmCheck, AccessMask.Exec, in target);
        }

        Ask(ElfHeader.MayBeMapped(open) ? ImaHook.MmapCheck : ImaHook.FileCheck, AccessMask.Read, in target);
    }

    void Ask(ImaHook hook, AccessMask mask, in Target target)
    {
        var facts = new AccessFacts { Hook = hook, Mask = mask, Subject = subject, Target = target };
        ImaHook? loads = hook == ImaHook.BprmCheck ? null : HookPaths.HookOf(_file.Path);
        var question = Question.Ask(policy, in facts, loads, _file.Stat.IsRegular);
        if (question.Decision.Appraises)
        {
            _questions.Add(question);
        }
    }

    /// <summary>The worst of what happens at the hooks; the first, when it is the same at several.</summary>
    AuditResult Decide()
    {
        AuditResult worst = Decide(_questions[0]);
        foreach (Question question in _questions.Skip(1))
        {
            AuditResult one = Decide(question);
            worst = one.Verdict > worst.Verdict ? one : worst;
        }

        return worst;
    }

    AuditResult Decide(Question question)
    {
        bool distrusts = FileAppraisal.Distrusts(in question, _magic);
        Finding found = FileAppraisal.Appraise(in question, this, vouchers, distrusts, out ImaRule? rule);
        AuditVerdict verdict = found.Passes ? AuditVerdict.Passes
            : rule!.OnlyLogs ? AuditVerdict.Logged
            : AuditVerdict.Denied;
        return new AuditResult(verdict, _file.Path.ToArray(), question.Hook, found, rule);
    }
}
