using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>What came of one appraisal, and what it rests on.</summary>
/// <param name="By">Who vouches for the file; none: nobody, or the policy does not ask.</param>
/// <param name="KeyId">The key of the signature that was looked at; 0: none was.</param>
/// <param name="Reference">The line of a list that vouches for it, if one does.</param>
/// <param name="Check">Why the signature that was looked at vouches for nothing; null: none was, or it does.</param>
readonly record struct Finding(
    Appraisal Outcome, Vouching By = Vouching.None, uint KeyId = 0, ReferenceHit? Reference = null,
    SignatureCheck? Check = null)
{
    public static readonly Finding Pass = new(Appraisal.Pass);

    public bool Passes => Outcome == Appraisal.Pass;
}
