using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>
/// A file as it lies there now, looked at by who asks about it: as an access of it would be judged, without one being
/// judged. For one thread.
/// </summary>
sealed class FileInspection : IMeasurementProvider, IDisposable
{
    readonly HeldFile _file;
    readonly TargetReader _target = new();
    readonly FileHasher _hasher = new();
    ImaHook _hook = ImaHook.BprmCheck;
    Subject _subject = new();

    FileInspection(HeldFile file) => _file = file;

    public CollectedFile File { get; } = new();

    /// <summary>The kind of its filesystem, once something was asked about it.</summary>
    public long FilesystemMagic { get; private set; }

    /// <summary>Opens a regular file and takes all its digests.</summary>
    /// <param name="imaHash">The configured algorithm.</param>
    /// <exception cref="ErrnoException">It cannot be opened or read.</exception>
    public static FileInspection Of(string path, HashAlgorithm imaHash)
    {
        var inspection = new FileInspection(HeldFile.Open(path));
        try
        {
            int error = inspection.File.Identify(inspection._file);
            error = error == 0 ? inspection.Collect(new CollectRequest(imaHash, Verity: true, Reference: true)) : error;
            return error == 0 ? inspection : throw new ErrnoException($"read {path}", -error);
        }
        catch
        {
            inspection.Dispose();
            throw;
        }
    }

    /// <summary>What the rules ask at a hook when somebody accesses it.</summary>
    public Question Ask(ImaPolicy policy, ImaHook hook, Subject subject)
    {
        (_hook, _subject) = (hook, subject);
        return MustMeasure(policy);
    }

    public Question MustMeasure(ImaPolicy policy)
    {
        Target target = _target.Read(_file, File, Environment.ProcessId, policy.AsksTarget);
        FilesystemMagic = target.FsMagic;
        var facts = new AccessFacts
        {
            Hook = _hook,
            Mask = _hook == ImaHook.BprmCheck ? AccessMask.Exec : AccessMask.Read,
            Subject = _subject,
            Target = target,
        };
        ImaHook? loads = _hook == ImaHook.BprmCheck ? null : HookPaths.HookOf(File.Path);
        return Question.Ask(policy, in facts, loads, File.Stat.IsRegular);
    }

    public int Collect(in CollectRequest wanted) => File.Collect(_file, in wanted, goOn: null);

    public bool HasDigestFor(ImaRule rule) => File.HasDigestFor(rule);

    public FieldSource Fields(EngineOptions options, ImaRule? rule) => File.Fields(options.ImaHash, rule);

    public Finding Appraise(ImaRule rule, Vouchers vouchers) => FileAppraisal.Appraise(rule, File, vouchers);

    /// <summary>What would be found if its security.ima held its hash.</summary>
    public Finding AppraiseLabelled(ImaRule rule, HashAlgorithm algorithm, Vouchers vouchers)
    {
        if (_hasher.Hash(_file, File.Stat.Size, algorithm, goOn: null, out Digest digest) < 0)
        {
            return new Finding(Appraisal.Appraisal.Unverifiable);
        }

        Span<byte> label = stackalloc byte[2 + HashAlgorithm.MaxSize];
        var evidence = new Evidence
        {
            Label = SecurityIma.Parse(label[..SecurityIma.Write(in digest, label)]),
            Content = digest,
            Reference = File.Reference,
            Verity = File.Verity,
            Path = File.Path,
        };
        return Appraiser.Appraise(rule, in evidence, vouchers, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    }

    public void Dispose()
    {
        File.Dispose();
        _hasher.Dispose();
        _file.Dispose();
    }
}
