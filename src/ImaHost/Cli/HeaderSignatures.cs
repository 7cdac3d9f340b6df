using ImaHost.Appraisal;
using ImaHost.Daemon;
using ImaHost.Packages;

namespace ImaHost.Cli;

/// <summary>Holds IMA signatures in headers of rpm against the keys that are trusted.</summary>
static class HeaderSignatures
{
    /// <summary>
    /// A signature by a key that nobody trusts here says nothing against a package, as one without says nothing; one that
    /// a trusted key has not made of that digest does, and so does one by a key that was revoked.
    /// </summary>
    public static FileSignatureCheck Check(DaemonOptions options)
    {
        var keys = new Lazy<Keyring>(() => Keyring.Load(
            options.Keys, Blacklist.Load(options.Blacklist), TimeProvider.System, options.ExpiredKeys));
        return (in signature, in signed) => Judge(keys.Value.Verify(in signature, in signed));
    }

    static FileSignatureVerdict Judge(SignatureCheck check) => check switch
    {
        SignatureCheck.Good => FileSignatureVerdict.Verified,
        SignatureCheck.UnknownKey => FileSignatureVerdict.Unknown,
        SignatureCheck.Bad => Refused("its signature is not by the key that it names, or not of that digest"),
        SignatureCheck.WrongAlgorithm => Refused("its signature is of a kind that its key does not make"),
        SignatureCheck.Revoked => Refused("the key of its signature, or its digest, was revoked"),
        SignatureCheck.Expired => Refused("the key of its signature has expired, and such are refused (expired_keys)"),
        SignatureCheck.Damaged => Refused("its signature is damaged"),
        _ => throw new ArgumentOutOfRangeException(nameof(check)),
    };

    static FileSignatureVerdict Refused(string why) => new(IsVerified: false, why);
}
