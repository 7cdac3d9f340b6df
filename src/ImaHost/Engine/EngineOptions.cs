using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>How files are measured and appraised.</summary>
/// <param name="Pcr">The PCR that entries extend, 10 as in the kernel.</param>
/// <param name="FailAllows">
/// The answer when a file cannot be judged (unreadable, TPM or disk failed): allow and record, or deny.
/// </param>
/// <param name="Deadline">Milliseconds after which the guard answers for us, at the earliest.</param>
sealed record EngineOptions(
    AppraiseMode Appraise,
    HashAlgorithm ImaHash,
    TemplateDescriptor Template,
    int Pcr,
    bool FailAllows,
    int Deadline = 10000)
{
    /// <summary>The template that a rule, or none, asks for.</summary>
    public TemplateDescriptor TemplateFor(ImaRule? rule) => rule?.Template ?? Template;

    /// <summary>The PCR that a rule, or none, asks for.</summary>
    public int PcrFor(ImaRule? rule) => rule?.Pcr ?? Pcr;
}
