using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>Decides whether anybody vouches for a file, as a rule wants (ima_appraise_measurement).</summary>
static class Appraiser
{
    /// <param name="rule">What is wanted.</param>
    /// <param name="now">Seconds of the Unix epoch: what has expired vouches no more.</param>
    public static Finding Appraise(ImaRule rule, in Evidence evidence, Vouchers vouchers, long now) =>
        IsRevoked(in evidence, vouchers.Blacklist) ? new Finding(Appraisal.Revoked)
        : rule.By == Vouching.None ? ByLabel(rule, in evidence, vouchers.Keys)
        : ByAny(rule, in evidence, vouchers, now);

    static bool IsRevoked(in Evidence evidence, Blacklist blacklist) =>
        IsRevoked(evidence.Content, blacklist) || IsRevoked(evidence.Reference, blacklist)
        || IsRevoked(evidence.Verity, blacklist);

    /// <param name="digest">Nothing, where that one was not taken.</param>
    static bool IsRevoked(in Digest digest, Blacklist blacklist) => digest.Algorithm != null && blacklist.IsRevoked(in digest);

    /// <summary>As the kernel: security.ima decides, and what the rule says of it.</summary>
    static Finding ByLabel(ImaRule rule, in Evidence evidence, Keyring keys)
    {
        SecurityIma label = evidence.Label;
        if (rule.IsVerity && !evidence.HasVerity)
        {
            return new Finding(Appraisal.NoVerity);
        }

        if (evidence.LabelError != 0)
        {
            return new Finding(Appraisal.NoXattrs);
        }

        if (label.Type == SecurityImaType.Invalid)
        {
            return new Finding(Appraisal.InvalidXattr);
        }

        bool isWanted = label.IsSignature
            ? rule.IsVerity == (label.Type == SecurityImaType.VeritySignature)
            : rule.Signature == SignatureDemand.None && label.Type != SecurityImaType.None;
        return !isWanted ? new Finding(Missing(rule))
            : label.IsSignature ? BySignature(rule, in evidence, keys)
            : new Finding(Compare(rule, in label, evidence.Content), Vouching.ImaHash);
    }

    static Finding BySignature(ImaRule rule, in Evidence evidence, Keyring keys)
    {
        SecurityIma label = evidence.Label;
        Vouching by = label.Type == SecurityImaType.VeritySignature ? Vouching.Verity : Vouching.ImaSig;
        SignatureFinding found = SignatureAppraisal.Appraise(in label, evidence.Content, evidence.Verity, keys);
        Appraisal outcome = found.Outcome == Appraisal.Pass && rule.Algorithms?.Contains(label.Algorithm!) == false
            ? Appraisal.DeniedAlgorithm
            : found.Outcome;
        return new Finding(outcome, by, found.KeyId, Check: found.Check == SignatureCheck.Good ? null : found.Check);
    }

    /// <summary>Any of those whom the rule names will do. A label that is wrong is told of when nobody else vouches.</summary>
    static Finding ByAny(ImaRule rule, in Evidence evidence, Vouchers vouchers, long now)
    {
        Finding label = ByNamedLabel(rule, in evidence, vouchers.Keys);
        if (label.Passes)
        {
            return label;
        }

        return ByList(rule.By, in evidence, vouchers.References, now) ?? label;
    }

    static Finding ByNamedLabel(ImaRule rule, in Evidence evidence, Keyring keys)
    {
        SecurityIma label = evidence.Label;
        Vouching kind = label.Type switch
        {
            SecurityImaType.Signature => Vouching.ImaSig,
            SecurityImaType.VeritySignature => evidence.HasVerity ? Vouching.Verity : Vouching.None,
            SecurityImaType.Digest or SecurityImaType.DigestNg => Vouching.ImaHash,
            SecurityImaType.None or SecurityImaType.PortableSignature or SecurityImaType.Invalid or _ => Vouching.None,
        };
        return evidence.LabelError != 0 || (rule.By & kind) == 0 ? new Finding(Appraisal.NotVouched)
            : kind == Vouching.ImaHash ? new Finding(Compare(rule, in label, evidence.Content), kind)
            : BySignature(rule, in evidence, keys);
    }

    /// <returns>Null: no list has it.</returns>
    static Finding? ByList(Vouching by, in Evidence evidence, ReferenceIndex references, long now)
    {
        Vouching kinds = by & (Vouching.Reference | Vouching.Package);
        return kinds != 0 && references.TryFind(evidence.Reference, evidence.Path, kinds, now, out ReferenceHit hit)
                ? new Finding(Appraisal.Pass, references.KindOf(hit), Reference: hit)
            : by.HasFlag(Vouching.Verity) && evidence.HasVerity
                && references.TryFind(evidence.Verity, evidence.Path, Vouching.Verity, now, out hit)
                ? new Finding(Appraisal.Pass, Vouching.Verity, Reference: hit)
            : null;
    }

    static Appraisal Missing(ImaRule rule) =>
        rule.IsVerity ? Appraisal.VeritySignatureRequired
        : rule.Signature != SignatureDemand.None ? Appraisal.SignatureRequired
        : Appraisal.MissingHash;

    static Appraisal Compare(ImaRule rule, in SecurityIma xattr, in Digest collected) =>
        !xattr.Digest.SequenceEqual(collected.Bytes) ? Appraisal.InvalidHash
        : rule.Algorithms?.Contains(collected.Algorithm) == false ? Appraisal.DeniedAlgorithm
        : Appraisal.Pass;

    /// <summary>
    /// May fix mode write a hash over what is there? Never over a signature, also one that is not understood here:
    /// as in the kernel, the first byte decides.
    /// </summary>
    public static bool MayFix(Appraisal outcome, in SecurityIma xattr) =>
        outcome is Appraisal.MissingHash or Appraisal.InvalidHash or Appraisal.InvalidXattr or Appraisal.SignatureRequired
        && !xattr.IsSignature;
}
