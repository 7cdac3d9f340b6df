using ImaHost.Template;

namespace ImaHost.Appraisal;

/// <summary>Outcomes in words.</summary>
static class AppraisalText
{
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
        Appraisal.NotVouched => "not-vouched-for",
        Appraisal.Revoked => "blacklisted-hash",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };

    /// <summary>What an administrator who trusts the file does about it.</summary>
    /// <param name="path">As the kernel has it, with nothing escaped.</param>
    /// <param name="check">Why its signature vouches for nothing, where one was looked at.</param>
    public static string Advice(Appraisal outcome, ReadOnlySpan<byte> path, SignatureCheck? check = null) => outcome switch
    {
        Appraisal.Pass => "",
        Appraisal.MissingHash => $"nobody vouches for it; if you do: imahost label {ShellWord.Quote(path)}",
        Appraisal.InvalidHash =>
            $"it was changed after it was labelled; restore it, or if you trust the change: imahost label {ShellWord.Quote(path)}",
        Appraisal.InvalidSignature or Appraisal.InvalidVeritySignature => OfSignature(check),
        Appraisal.InvalidSignatureVersion => "its signature is of a version that is not known; sign it again (imahost label --sign)",
        Appraisal.InvalidXattr => $"its security.ima is damaged; if you trust it: imahost label {ShellWord.Quote(path)}",
        Appraisal.NoXattrs => "its filesystem has no security attributes; move it to one that has",
        Appraisal.SignatureRequired => "the rule wants a signature, and it has none; sign it (evmctl ima_sign)",
        Appraisal.VeritySignatureRequired =>
            "the rule wants a signature of its fs-verity digest, and it has none; sign it (evmctl sign_hash --veritysig)",
        Appraisal.NoVerity => "the rule is about fs-verity, which the file has not; enable it (fsverity enable)",
        Appraisal.DeniedAlgorithm => $"its label has a hash that the rule does not allow; label it again: imahost label {ShellWord.Quote(path)}",
        Appraisal.NotVouched => $"nobody vouches for it whom the rule names; imahost why {ShellWord.Quote(path)} tells who was asked",
        Appraisal.Revoked => "its content was revoked (blacklist); nothing here allows it while that stands",
        Appraisal.Unverifiable => "its filesystem may show another content each time (ima_policy=fail_securely)",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };

    /// <summary>Why a signature vouches for nothing, and what to do about it.</summary>
    /// <param name="check">Null: it is not known.</param>
    public static string OfSignature(SignatureCheck? check) => check switch
    {
        SignatureCheck.UnknownKey => "the key of its signature is not here; install the signer's key, or sign it again",
        SignatureCheck.Bad =>
            "it was changed after it was signed, or the signer's key is another one of that id; restore it, or sign it again",
        SignatureCheck.WrongAlgorithm => "its signature's hash is none for that key, or not known to OpenSSL; sign it again",
        SignatureCheck.Revoked => "the key of its signature was revoked (blacklist); sign it again with another one",
        SignatureCheck.Expired =>
            "the certificate of its signature's key has ended (expired_keys: refuse); renew it, or sign it again with another key",
        SignatureCheck.Damaged => "its signature is damaged; sign it again",
        SignatureCheck.Good or null or _ =>
            "it was changed after it was signed, or no key here is the signer's; restore it, sign it again or install the signer's key",
    };
}
