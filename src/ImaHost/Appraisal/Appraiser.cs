using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>ima_appraise= of the kernel.</summary>
enum AppraiseMode
{
    /// <summary>Appraise rules are ignored.</summary>
    Off,
    /// <summary>What enforce would deny is logged.</summary>
    Log,
    /// <summary>As log, and a missing or wrong hash is written anew.</summary>
    Fix,
    /// <summary>A file nobody vouches for is denied.</summary>
    Enforce,
}

/// <summary>The outcome of one appraisal: enum integrity_status with its cause.</summary>
enum Appraisal
{
    /// <summary>INTEGRITY_PASS.</summary>
    Pass,
    /// <summary>No security.ima.</summary>
    MissingHash,
    /// <summary>security.ima holds another digest.</summary>
    InvalidHash,
    /// <summary>A signature, and no key that verifies it.</summary>
    InvalidSignature,
    /// <summary>A signature of the fs-verity digest, and no key that verifies it.</summary>
    InvalidVeritySignature,
    /// <summary>A signature of a version that its kind has not.</summary>
    InvalidSignatureVersion,
    /// <summary>security.ima is damaged or of an unknown kind.</summary>
    InvalidXattr,
    /// <summary>INTEGRITY_UNKNOWN: the filesystem has no such attributes.</summary>
    NoXattrs,
    /// <summary>The rule wants a signature, and there is none.</summary>
    SignatureRequired,
    /// <summary>The rule wants a signature of the fs-verity digest, and there is none.</summary>
    VeritySignatureRequired,
    /// <summary>The rule is about the fs-verity digest, and the file has none.</summary>
    NoVerity,
    /// <summary>The hash is none that the rule allows.</summary>
    DeniedAlgorithm,
    /// <summary>Its filesystem may show another content each time.</summary>
    Unverifiable,
}

/// <summary>Decides whether security.ima vouches for a file (ima_appraise_measurement).</summary>
static class Appraiser
{
    /// <param name="rule">What is wanted.</param>
    /// <param name="xattrError">Minus the errno of reading security.ima, or 0.</param>
    /// <param name="collected">The digest of the file's bytes; nothing when the rule is about fs-verity.</param>
    /// <param name="hasVerity">The file has an fs-verity digest.</param>
    public static Appraisal Appraise(
        ImaRule rule, in SecurityIma xattr, int xattrError, in Digest collected, bool hasVerity)
    {
        if (rule.IsVerity && !hasVerity)
        {
            return Appraisal.NoVerity;
        }

        if (xattrError != 0)
        {
            return Appraisal.NoXattrs;
        }

        if (xattr.Type == SecurityImaType.Invalid)
        {
            return Appraisal.InvalidXattr;
        }

        bool isWanted = xattr.IsSignature
            ? rule.IsVerity == (xattr.Type == SecurityImaType.VeritySignature)
            : rule.Signature == SignatureDemand.None && xattr.Type != SecurityImaType.None;
        // No key is configured yet, so none verifies a signature: the kernel's answer to an unknown key.
        return !isWanted ? Missing(rule) : xattr.IsSignature ? Appraisal.InvalidSignature : Compare(rule, in xattr, in collected);
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

    /// <summary>The kernel's word for the cause (its audit records).</summary>
    public static string Cause(Appraisal outcome) => outcome switch
    {
        Appraisal.Pass => "none",
        Appraisal.MissingHash => "missing-hash",
        Appraisal.InvalidHash => "invalid-hash",
        Appraisal.InvalidSignature => "invalid-signature",
        Appraisal.InvalidVeritySignature => "invalid-verity-signature",
        Appraisal.InvalidSignatureVersion => "invalid-signature-version",
        Appraisal.InvalidXattr => "invalid-xattr",
        Appraisal.NoXattrs => "no-xattr-support",
        Appraisal.SignatureRequired => "IMA-signature-required",
        Appraisal.VeritySignatureRequired => "verity-signature-required",
        Appraisal.NoVerity => "no-verity-digest",
        Appraisal.DeniedAlgorithm => "denied-hash-algorithm",
        Appraisal.Unverifiable => "unverifiable-signature",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };

    /// <summary>For a shell; escapes of odd bytes as the log writes them are undone by $'…'.</summary>
    static string Quote(string path) => path.Contains("\\x", StringComparison.Ordinal)
        ? $"$'{path.Replace("'", "\\'", StringComparison.Ordinal)}'"
        : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>What an administrator who trusts the file does about it.</summary>
    public static string Advice(Appraisal outcome, string path) => outcome switch
    {
        Appraisal.Pass => "",
        Appraisal.MissingHash => $"nobody vouches for it; if you do: imahost label {Quote(path)}",
        Appraisal.InvalidHash =>
            $"it was changed after it was labelled; restore it, or if you trust the change: imahost label {Quote(path)}",
        Appraisal.InvalidSignature => "no key here verifies its signature; label it or install the signer's key",
        Appraisal.InvalidVeritySignature =>
            "no key here verifies the signature of its fs-verity digest; sign it again or install the signer's key",
        Appraisal.InvalidSignatureVersion => "its signature is of a version that is not known; sign it again (imahost label --sign)",
        Appraisal.InvalidXattr => $"its security.ima is damaged; if you trust it: imahost label {Quote(path)}",
        Appraisal.NoXattrs => "its filesystem has no security attributes; move it to one that has",
        Appraisal.SignatureRequired => "the rule wants a signature, and it has none; sign it (evmctl ima_sign)",
        Appraisal.VeritySignatureRequired =>
            "the rule wants a signature of its fs-verity digest, and it has none; sign it (evmctl sign_hash --veritysig)",
        Appraisal.NoVerity => "the rule is about fs-verity, which the file has not; enable it (fsverity enable)",
        Appraisal.DeniedAlgorithm => $"its label has a hash that the rule does not allow; label it again: imahost label {Quote(path)}",
        Appraisal.Unverifiable => "its filesystem may show another content each time (ima_policy=fail_securely)",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };
}
