namespace ImaHost.Appraisal;

/// <summary>What came of a signature.</summary>
enum SignatureCheck : byte
{
    /// <summary>A key that is in force has made it.</summary>
    Good,
    /// <summary>No key here has that id.</summary>
    UnknownKey,
    /// <summary>It is not the key's, or one of another digest.</summary>
    Bad,
    /// <summary>The key is none for that hash, or the hash none that OpenSSL offers.</summary>
    WrongAlgorithm,
    /// <summary>The key or the digest is on the blacklist.</summary>
    Revoked,
    /// <summary>The key's certificate has ended, and such are refused (expired_keys: refuse).</summary>
    Expired,
    /// <summary>Its header is not sound.</summary>
    Damaged,
}

/// <summary>expired_keys: of the configuration.</summary>
enum ExpiredKeys
{
    /// <summary>Told, and in force, as in the kernel.</summary>
    Accept,
    /// <summary>Their signatures vouch for nothing.</summary>
    Refuse,
}
