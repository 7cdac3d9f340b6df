using ImaHost.Appraisal;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>
/// One thing that can be measured. The seam is that of the Linux Integrity Module API: must_measure,
/// collect_measurement and appraise_measurement are the provider's; store_measurement is the engine's and the same for
/// all; display_template is the template's (<see cref="TemplateDescriptor.AppendText"/>).
/// </summary>
interface IMeasurementProvider
{
    /// <summary>What the rules ask about it. (LIM: must_measure)</summary>
    Question MustMeasure(ImaPolicy policy);

    /// <summary>Takes its digest. (LIM: collect_measurement)</summary>
    /// <returns>0, or minus the errno of what failed.</returns>
    int Collect(in CollectRequest wanted);

    /// <summary>It has the digest that a rule is about.</summary>
    bool HasDigestFor(ImaRule rule);

    /// <summary>What the entry that a rule asks for is made of; null: that of a violation.</summary>
    FieldSource Fields(EngineOptions options, ImaRule? rule);

    /// <summary>Does anybody vouch for it as a rule wants? (LIM: appraise_measurement)</summary>
    /// <param name="vouchers">Who may, besides its own labels.</param>
    Finding Appraise(ImaRule rule, Vouchers vouchers);
}
