using ImaHost.Crypto;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>A buffer that somebody with the right to do so wants in the list: to ask is the rule.</summary>
/// <param name="template">Null: ima-buf.</param>
sealed class BufferMeasurement(CollectedBuffer buffer, TemplateDescriptor? template, EngineOptions options, DigestSet digests)
    : IMeasurementProvider
{
    public Question MustMeasure(ImaPolicy policy)
    {
        TemplateDescriptor wanted = template ?? CollectedBuffer.TemplateIn(options.Template);
        var rule = new ImaRule(ImaAction.Measure) { Func = ImaHook.CriticalData, Template = wanted };
        return new Question(
            ImaHook.CriticalData, new PolicyDecision(rule, null), HoldsForAll: false, policy.Fingerprint);
    }

    public int Collect(in CollectRequest wanted)
    {
        buffer.Collect(in wanted, digests);
        return 0;
    }

    public FieldSource Fields(EngineOptions options, bool violation) => buffer.Fields;

    /// <summary>Nobody uses it, so nobody need vouch for it.</summary>
    public Appraisal.Appraisal Appraise() => Appraisal.Appraisal.Pass;
}
