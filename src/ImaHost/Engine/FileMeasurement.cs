using ImaHost.Appraisal;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>Files, as somebody accesses them. Used again for the next access. For one thread at a time.</summary>
/// <param name="hashes">Where others may be at the same file; null: nowhere.</param>
sealed class FileMeasurement(HashesUnderWay? hashes) : IMeasurementProvider, IDisposable
{
    /// <summary>What the host and the guard are made of stands in the list, whatever the rules say.</summary>
    static readonly ImaRule Own = new(ImaAction.Measure, [], "the host's own");

    readonly Subject _subject = new();
    readonly TargetReader _target = new();
    AccessRequest? _access;

    /// <summary>What is known of the file.</summary>
    public CollectedFile File { get; } = new(hashes);

    /// <summary>The kind of its filesystem, since something was asked about it.</summary>
    public long FilesystemMagic { get; private set; }

    /// <summary>The violation that this access has brought.</summary>
    public string? Violation { get; set; }

    AccessRequest Access => _access ?? throw new InvalidOperationException("no access was begun");

    /// <summary>Something is known of the file.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>Turns to the file of an access.</summary>
    /// <returns>False when nothing can be said about it.</returns>
    public bool Begin(AccessRequest access)
    {
        _access = access;
        Violation = null;
        IsKnown = access.HasFile && File.Identify(access.File) == 0;
        return IsKnown;
    }

    public Question MustMeasure(ImaPolicy policy)
    {
        Question question = Ask(policy, HookOf(Access));
        bool adds = Access.IsOwn && question.Hook != ImaHook.FileCheck && !question.Decision.Measures && File.Stat.IsRegular;
        return adds ? question.With(Own) : question;
    }

    /// <summary>What would be asked if the file were opened and mapped.</summary>
    public Question AskAboutMapping(ImaPolicy policy) => Ask(policy, ImaHook.MmapCheck);

    public int Collect(in CollectRequest wanted) => File.Collect(Access.File, in wanted, Access.GoOn, Access.IsLeased);

    public FieldSource Fields(EngineOptions options, ImaRule? rule)
    {
        if (rule == null)
        {
            // Entered before the file is collected, or instead.
            File.ReadLabels(Access.File, options.Template.NeedsXattrs);
        }

        return File.Fields(options.ImaHash, rule);
    }

    public bool HasDigestFor(ImaRule rule) => File.HasDigestFor(rule);

    public Finding Appraise(ImaRule rule, Vouchers vouchers) => FileAppraisal.Appraise(rule, File, vouchers);

    public void Dispose() => File.Dispose();

    Question Ask(ImaPolicy policy, ImaHook hook)
    {
        if (policy.AsksSubject != SubjectFacts.None)
        {
            Accessor.Read(Access.Pid, policy.AsksSubject, _subject);
        }

        Target target = _target.Read(Access.File, File, Access.Pid, policy.AsksTarget);
        FilesystemMagic = target.FsMagic;
        var facts = new AccessFacts
        {
            Hook = hook,
            Mask = Access.Mask,
            Subject = _subject,
            Target = target,
        };
        ImaHook? loads = hook == ImaHook.BprmCheck || Access.Mode == OpenMode.Write ? null : HookPaths.HookOf(File.Path);
        return Question.Ask(policy, in facts, loads, File.Stat.IsRegular);
    }

    /// <summary>What is only written cannot be mapped.</summary>
    static ImaHook HookOf(AccessRequest access) => access.Access switch
    {
        GuardAccess.Exec => ImaHook.BprmCheck,
        var _ when access.Mode == OpenMode.Write => ImaHook.FileCheck,
        GuardAccess.Elf => ImaHook.MmapCheck,
        GuardAccess.Data => ImaHook.FileCheck,
        // The guard could not see what kind of file it is without waiting for a disk. We may wait; but who is late may
        // be so because the file cannot be read, and must not hold up the next worker too.
        GuardAccess.Open => access.IsLate || (access.IsCode = ElfHeader.MayBeMapped(access.File)) ? ImaHook.MmapCheck : ImaHook.FileCheck,
        _ => throw new ArgumentOutOfRangeException(nameof(access)),
    };
}
