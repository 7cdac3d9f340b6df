using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>
/// A buffer that somebody with the right to do so wants in the list: to ask is the rule, unless the policy has one
/// about CRITICAL_DATA.
/// </summary>
/// <param name="template">Null: the rule's, or ima-buf.</param>
/// <param name="subject">Who asks.</param>
sealed class BufferMeasurement(
    CollectedBuffer buffer, TemplateDescriptor? template, Subject subject, EngineOptions options, DigestSet digests)
    : IMeasurementProvider
{
    public Question MustMeasure(ImaPolicy policy)
    {
        var decision = default(PolicyDecision);
        var facts = new AccessFacts
        {
            Hook = ImaHook.CriticalData,
            Mask = AccessMask.None,
            Subject = subject,
            Target = new Target { Path = buffer.Fields.Name },
        };
        ImaRule? rule = policy.Find(in facts, ActionClass.Measure);
        if (rule == null || rule.Action == ImaAction.Measure)
        {
            decision.Add(rule is { Template: not null } && template == null ? rule : RuleFor(rule));
        }

        return new Question(ImaHook.CriticalData, decision, holdsForAll: false, policy);
    }

    public int Collect(in CollectRequest wanted)
    {
        buffer.Collect(in wanted, digests);
        return 0;
    }

    public bool HasDigestFor(ImaRule rule) => true;

    public FieldSource Fields(EngineOptions options, ImaRule? rule) => buffer.Fields;

    /// <summary>Nobody uses it, so nobody need vouch for it.</summary>
    public Finding Appraise(ImaRule rule, Vouchers vouchers) => Finding.Pass;

    /// <summary>The PCR of the policy's rule, the template that was asked for.</summary>
    ImaRule RuleFor(ImaRule? rule) => new(
        ImaAction.Measure,
        (rule?.Words.Where(word => word.Option == RuleOptions.Pcr) ?? [])
            .Append(RuleOptions.TemplateWord(template ?? CollectedBuffer.TemplateIn(options.Template))),
        rule?.Origin ?? "asked for");
}
