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
    /// <summary>None of those vouches for it whom the rule names (by:).</summary>
    NotVouched,
    /// <summary>Its content was revoked (ima_check_blacklist).</summary>
    Revoked,
}
