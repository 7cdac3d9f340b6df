using ImaHost.Crypto;

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
    /// <summary>security.ima is damaged or of an unknown kind.</summary>
    InvalidXattr,
    /// <summary>INTEGRITY_UNKNOWN: the filesystem has no such attributes.</summary>
    NoXattrs,
}

/// <summary>Decides whether security.ima vouches for a file (ima_appraise_measurement).</summary>
static class Appraiser
{
    /// <param name="xattrError">Minus the errno of reading security.ima, or 0.</param>
    public static Appraisal Appraise(in SecurityIma xattr, int xattrError, in Digest collected)
    {
        if (xattrError != 0)
        {
            return Appraisal.NoXattrs;
        }

        if (xattr.IsDigest)
        {
            return xattr.Digest.SequenceEqual(collected.Bytes) ? Appraisal.Pass : Appraisal.InvalidHash;
        }

        if (xattr.IsSignature)
        {
            // No key is configured yet, so none verifies it: the kernel's answer to an unknown key.
            return Appraisal.InvalidSignature;
        }

        return xattr.Type == SecurityImaType.None ? Appraisal.MissingHash : Appraisal.InvalidXattr;
    }

    /// <summary>
    /// May fix mode write a hash over what is there? Never over a signature, also one that is not understood here:
    /// as in the kernel, the first byte decides.
    /// </summary>
    public static bool MayFix(Appraisal outcome, in SecurityIma xattr) =>
        outcome is Appraisal.MissingHash or Appraisal.InvalidHash or Appraisal.InvalidXattr && !xattr.IsSignature;

    /// <summary>The kernel's word for the cause (its audit records).</summary>
    public static string Cause(Appraisal outcome) => outcome switch
    {
        Appraisal.Pass => "none",
        Appraisal.MissingHash => "missing-hash",
        Appraisal.InvalidHash => "invalid-hash",
        Appraisal.InvalidSignature => "invalid-signature",
        Appraisal.InvalidXattr => "invalid-xattr",
        Appraisal.NoXattrs => "no-xattr-support",
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
        Appraisal.InvalidXattr => $"its security.ima is damaged; if you trust it: imahost label {Quote(path)}",
        Appraisal.NoXattrs => "its filesystem has no security attributes; move it to one that has",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };
}
