using System.Buffers.Binary;
using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Appraisal;

/// <summary>
/// The keys that signatures in security.ima are verified with: certificates (DER, PEM) and public keys (PEM). Never
/// changes; another takes its place. For any thread; allocates nothing once warm.
/// </summary>
sealed class Keyring
{
    readonly ImaKey[] _keys;
    readonly uint[] _ids;
    readonly VerifiedSignatures _verified = new();
    readonly ExpiredKeys _expired;
    readonly TimeProvider _clock;
    long _verifications;

    internal Keyring(
        IEnumerable<ImaKey> keys, Blacklist blacklist, TimeProvider clock, ExpiredKeys expired, IReadOnlyList<string> warnings)
    {
        _keys = [.. keys.OrderBy(key => key.Id)];
        _ids = [.. _keys.Select(key => key.Id)];
        _clock = clock;
        _expired = expired;
        Blacklist = blacklist;
        Warnings = warnings;
        Stamp = ComputeStamp();
    }

    /// <summary>Verifies nothing.</summary>
    public static Keyring Empty { get; } = new([], Blacklist.Empty, TimeProvider.System, ExpiredKeys.Accept, []);

    /// <summary>What was refused, with its file and the reason, and what somebody should look at.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Another for other keys, or others that are revoked.</summary>
    public ulong Stamp { get; }

    /// <summary>What is not vouched for, whoever signs it.</summary>
    public Blacklist Blacklist { get; }

    public IReadOnlyList<ImaKey> Keys => _keys;

    /// <summary>How many times a key was really used. What is remembered is not counted.</summary>
    public long Verifications => Interlocked.Read(ref _verifications);

    /// <inheritdoc cref="KeyringReader.Load"/>
    public static Keyring Load(
        IReadOnlyList<string> paths, Blacklist blacklist, TimeProvider clock, ExpiredKeys expired = ExpiredKeys.Accept) =>
        KeyringReader.Load(paths, blacklist, clock, expired);

    /// <summary>The keys of that id. Seldom more than one.</summary>
    public IReadOnlyList<ImaKey> Find(uint id) => [.. _keys.Where(key => key.Id == id)];

    /// <summary>Does a key that is in force vouch for a digest by that signature? (asymmetric_verify)</summary>
    /// <param name="signed">What it is to be of: the file's digest, or <see cref="FileId"/>.</param>
    public SignatureCheck Verify(in SecurityIma signature, in Digest signed)
    {
        if (signature.Form != SignatureForm.Sound)
        {
            return SignatureCheck.Damaged;
        }

        if (signature.Algorithm == null)
        {
            return SignatureCheck.WrongAlgorithm;
        }

        int first = FirstOf(signature.KeyId);
        return first < 0 ? SignatureCheck.UnknownKey
            : signature.Algorithm != signed.Algorithm ? SignatureCheck.Bad
            : Blacklist.IsRevoked(in signed) ? SignatureCheck.Revoked
            : VerifyOnce(first, in signature, in signed);
    }

    SignatureCheck VerifyOnce(int first, in SecurityIma signature, in Digest signed)
    {
        bool isNamed = VerifiedSignatures.TryName(in signature, in signed, out Digest name);
        int known = isNamed ? _verified.Find(in name) : -1;
        if (known >= 0 && WhyNot(_keys[known]) == null)
        {
            return SignatureCheck.Good;
        }

        SignatureCheck outcome = TryEach(first, in signature, in signed, out int by);
        if (isNamed && outcome == SignatureCheck.Good)
        {
            _verified.Add(in name, by);
        }

        return outcome;
    }

    /// <summary>All of one id. What the last that could be used said is told before why others could not.</summary>
    SignatureCheck TryEach(int first, in SecurityIma signature, in Digest signed, out int by)
    {
        SignatureCheck? said = null;
        SignatureCheck why = SignatureCheck.UnknownKey;
        for (by = first; by < _keys.Length && _ids[by] == _ids[first]; by++)
        {
            if (WhyNot(_keys[by]) is { } refused)
            {
                why = refused;
                continue;
            }

            Interlocked.Increment(ref _verifications);
            said = Meaning(_keys[by].Verify(in signed, signature.Signature));
            if (said == SignatureCheck.Good)
            {
                break;
            }
        }

        return said ?? why;
    }

    /// <summary>Why a key is not in force now, or null.</summary>
    SignatureCheck? WhyNot(ImaKey key) =>
        key.IsRevoked ? SignatureCheck.Revoked
        : _expired == ExpiredKeys.Refuse && key.HasExpired(_clock.GetUtcNow()) ? SignatureCheck.Expired
        : null;

    static SignatureCheck Meaning(EvpVerdict verdict) => verdict switch
    {
        EvpVerdict.Good => SignatureCheck.Good,
        EvpVerdict.Bad => SignatureCheck.Bad,
        EvpVerdict.NotOffered => SignatureCheck.WrongAlgorithm,
        _ => throw new ArgumentOutOfRangeException(nameof(verdict)),
    };

    int FirstOf(uint id)
    {
        int at = Array.BinarySearch(_ids, id);
        while (at > 0 && _ids[at - 1] == id)
        {
            at--;
        }

        return at;
    }

    ulong ComputeStamp()
    {
        IEnumerable<string> all = _keys
            .Select(key => string.Create(
                CultureInfo.InvariantCulture,
                $"{Convert.ToHexString(key.Identifier)} {Convert.ToHexString(key.PublicKey)} {key.NotAfter:u} {key.IsRevoked}"))
            .Order(StringComparer.Ordinal);
        byte[] text = System.Text.Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{_expired} {Blacklist.Stamp} {string.Join('\n', all)}"));
        return BinaryPrimitives.ReadUInt64LittleEndian(Digest.Of(HashAlgorithm.Sha256, text).Bytes);
    }
}
