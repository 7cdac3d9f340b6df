using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>A file of rules that is loaded (ima_read_policy, hook POLICY_CHECK).</summary>
/// <param name="loaded">What was read of it.</param>
/// <param name="file">The same file, to look at what else there is to it.</param>
sealed class PolicyFileMeasurement(LoadedFile loaded, HeldFile file) : IMeasurementProvider, IDisposable
{
    static readonly Subject Self = new() { Known = SubjectFacts.Ids | SubjectFacts.Capabilities };

    readonly CollectedFile _file = new();
    readonly TargetReader _target = new();

    public Question MustMeasure(ImaPolicy policy)
    {
        _ = _file.Identify(file);
        var facts = new AccessFacts
        {
            Hook = ImaHook.PolicyCheck,
            Mask = AccessMask.Read,
            Subject = Self,
            Target = _target.Read(file, _file, Environment.ProcessId, policy.AsksTarget),
        };
        var decision = default(PolicyDecision);
        policy.Match(in facts, ref decision);
        return new Question(ImaHook.PolicyCheck, decision, holdsForAll: false, policy);
    }

    /// <returns>0, or minus the errno; ESTALE: its content is no longer what was loaded.</returns>
    public int Collect(in CollectRequest wanted)
    {
        const int stale = -116;
        CollectRequest whole = wanted with { Content = true };
        int error = _file.Collect(file, in whole, goOn: null);
        if (error != 0)
        {
            return error;
        }

        using var digests = new DigestSet();
        return digests.Hash(_file.Digest.Algorithm, loaded.Content).Bytes.SequenceEqual(_file.Digest.Bytes) ? 0 : stale;
    }

    public bool HasDigestFor(ImaRule rule) => _file.HasDigestFor(rule);

    public FieldSource Fields(EngineOptions options, ImaRule? rule) => _file.Fields(options.ImaHash, rule);

    /// <summary>A signature that policy_keys: verify is one.</summary>
    public Finding Appraise(ImaRule rule, Vouchers vouchers) =>
        loaded.IsSigned ? Finding.Pass : FileAppraisal.Appraise(rule, _file, vouchers);

    public void Dispose() => _file.Dispose();
}
