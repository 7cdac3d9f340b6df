using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>What came of the signature of a file.</summary>
/// <param name="Outcome">As the kernel judges it.</param>
/// <param name="Check">Why.</param>
/// <param name="KeyId">Of the key that it names; 0: it names none.</param>
readonly record struct SignatureFinding(Appraisal Outcome, SignatureCheck Check, uint KeyId);

/// <summary>Decides whether a signature in security.ima vouches for a file (the signature cases of xattr_verify).</summary>
static class SignatureAppraisal
{
    /// <summary>
    /// Whether the rule wants a signature, and of which kind, is not asked here: see <see cref="Appraiser"/>.
    /// </summary>
    /// <param name="xattr">A signature.</param>
    /// <param name="collected">The digest of the file's bytes, by the algorithm that the attribute names.</param>
    /// <param name="verity">The fs-verity digest, or nothing.</param>
    public static SignatureFinding Appraise(
        in SecurityIma xattr, in Digest collected, in Digest verity, Keyring keyring)
    {
        bool isOfVerity = xattr.Type == SecurityImaType.VeritySignature;
        if (isOfVerity && verity.Algorithm == null)
        {
            return new SignatureFinding(Appraisal.NoVerity, SignatureCheck.Bad, xattr.KeyId);
        }

        SignatureCheck check = isOfVerity ? VerifyVerity(in xattr, in verity, keyring) : keyring.Verify(in xattr, in collected);
        return new SignatureFinding(Judge(in xattr, check), check, xattr.KeyId);
    }

    /// <summary>The signature is of the hash of the digest; revoked is the digest itself.</summary>
    static SignatureCheck VerifyVerity(in SecurityIma xattr, in Digest verity, Keyring keyring) =>
        keyring.Blacklist.IsRevoked(in verity) ? SignatureCheck.Revoked : keyring.Verify(in xattr, FileId.Of(in verity));

    static Appraisal Judge(in SecurityIma xattr, SignatureCheck check) =>
        check == SignatureCheck.Good ? Appraisal.Pass
        : HasUnknownVersion(in xattr) ? Appraisal.InvalidSignatureVersion
        : xattr.Type == SecurityImaType.VeritySignature ? Appraisal.InvalidVeritySignature
        : Appraisal.InvalidSignature;

    /// <summary>Version 1 of a file's signature is known, and older than any key here.</summary>
    static bool HasUnknownVersion(in SecurityIma xattr) =>
        xattr.Form == SignatureForm.OtherVersion
        && (xattr.Type == SecurityImaType.VeritySignature || xattr.Value[1] > 2);
}
