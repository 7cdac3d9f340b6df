using System.Globalization;

namespace ImaHost.Tpm;

/// <summary>
/// An attestation key that was made: what the TPM saved of it, encrypted by itself, and its public part. Good until the TPM
/// is reset.
/// </summary>
/// <param name="Context">TPMS_CONTEXT.</param>
/// <param name="Public">TPM2B_PUBLIC.</param>
sealed record MadeKey(byte[] Context, byte[] Public);

/// <summary>
/// The key of this TPM that signs quotes: a primary key of the endorsement hierarchy, made from a fixed template when it
/// is first needed, so that nothing secret is stored; or one that somebody made persistent. Signs for one at a time.
/// </summary>
sealed class AttestationKey
{
    const uint FirstPersistent = 0x81000000; // TPM_HT_PERSISTENT, TPM 2.0 Part 2, 7.2
    const uint LastPersistent = 0x81ffffff;

    /// <summary>
    /// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign: TPMA_OBJECT, Part 2, 8.3.
    /// </summary>
    const uint Attributes = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 10) | (1 << 16) | (1 << 18);

    readonly TpmCommands _tpm;
    readonly byte[] _template = [];
    readonly uint _handle;
    readonly Lock _gate = new();
    byte[]? _context;

    /// <param name="choice">"ecc", "rsa", or a persistent handle, "0x81010002".</param>
    /// <param name="made">What an earlier process has made of the same choice, or null.</param>
    /// <exception cref="FormatException">It is none of these.</exception>
    public AttestationKey(TpmCommands tpm, string choice, MadeKey? made = null)
    {
        _tpm = tpm;
        if (made != null)
        {
            _context = made.Context;
            Public = TpmPublic.ParseSized(made.Public, "the attestation key that was made before");
        }

        _template = choice switch
        {
            "ecc" => EccTemplate(),
            "rsa" => RsaTemplate(),
            _ => [],
        };
        _handle = _template.Length > 0 || TryReadHandle(choice, out _handle)
            ? _handle
            : throw new FormatException(WhyNot(choice));
    }

    /// <summary>The public part. Known after <see cref="Prepare"/>.</summary>
    public TpmPublic? Public { get; private set; }

    /// <summary>For the next process; null: none is made, or it is persistent.</summary>
    public MadeKey? Made => _context == null ? null : new MadeKey(_context, Public!.Sized);

    /// <summary>Can a key be chosen so?</summary>
    public static bool IsChoice(string choice) => choice is "ecc" or "rsa" || TryReadHandle(choice, out _);

    public static string WhyNot(string choice) => $"\"{choice}\" is no attestation key: use ecc, rsa or a persistent handle (0x81…)";

    /// <summary>Makes the key if it was not made yet: what takes long.</summary>
    /// <exception cref="TpmException">The TPM refused, or the persistent key is none that attests.</exception>
    /// <exception cref="IOException">The TPM failed.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public void Prepare()
    {
        using Lock.Scope held = _gate.EnterScope();
        if (_template.Length == 0)
        {
            Public = _tpm.ReadPublic(_handle);
            if (Public.WhyNoAttestationKey is { } why)
            {
                throw new TpmException($"the key 0x{_handle:x8} of {_tpm.Transport.Name} {why}");
            }
        }
        else if (_context == null)
        {
            Make();
        }
    }

    /// <summary>Signs what PCRs hold. After <see cref="Prepare"/>.</summary>
    /// <param name="signature">TPMT_SIGNATURE.</param>
    /// <returns>TPMS_ATTEST.</returns>
    public byte[] Quote(ReadOnlySpan<byte> nonce, PcrSelection pcrs, out byte[] signature)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (_template.Length == 0)
        {
            return _tpm.Quote(_handle, nonce, pcrs, out signature);
        }

        uint handle = Load();
        try
        {
            byte[] message = _tpm.Quote(handle, nonce, pcrs, out signature);
            _tpm.FlushContext(handle);
            return message;
        }
        catch (TpmException)
        {
            _tpm.TryFlush(handle);
            throw;
        }
    }

    /// <summary>A context is of one life of a TPM: after a reset the same key is made again.</summary>
    uint Load()
    {
        try
        {
            return _tpm.LoadContext(_context);
        }
        catch (TpmException e) when (e.Code != 0)
        {
            Make();
            return _tpm.LoadContext(_context);
        }
    }

    void Make()
    {
        uint handle = _tpm.CreatePrimary(_template, out TpmPublic made);
        try
        {
            _context = _tpm.SaveContext(handle);
            Public = made;
        }
        finally
        {
            _tpm.TryFlush(handle);
        }
    }

    static bool TryReadHandle(string choice, out uint handle)
    {
        handle = 0;
        return choice.StartsWith("0x", StringComparison.Ordinal)
            && uint.TryParse(choice.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out handle)
            && handle is >= FirstPersistent and <= LastPersistent;
    }

    /// <summary>ECDSA with SHA-256 on NIST P-256.</summary>
    static byte[] EccTemplate()
    {
        TpmWriter template = Begin(TpmPublic.Ecc, TpmPublic.EcDsa);
        template.Put16(0x0003); // TPM_ECC_NIST_P256, Part 2, 6.4
        template.Put16(TpmPublic.AlgorithmNull); // no key derivation
        template.Put16(0); // x and y are the TPM's
        template.Put16(0);
        return template.Written.ToArray();
    }

    /// <summary>RSASSA with SHA-256 and 2048 bits.</summary>
    static byte[] RsaTemplate()
    {
        TpmWriter template = Begin(TpmPublic.Rsa, TpmPublic.RsaSsa);
        template.Put16(2048);
        template.Put32(0); // the usual exponent
        template.Put16(0); // the modulus is the TPM's
        return template.Written.ToArray();
    }

    /// <summary>TPMT_PUBLIC up to the hash of the scheme: Part 2, 12.2.4.</summary>
    static TpmWriter Begin(ushort type, ushort scheme)
    {
        var template = new TpmWriter(64);
        template.Put16(type);
        template.Put16(Crypto.HashAlgorithm.Sha256.TpmId); // of the key's name
        template.Put32(Attributes);
        template.Put16(0); // no policy
        template.Put16(TpmPublic.AlgorithmNull); // it encrypts nothing
        template.Put16(scheme);
        template.Put16(Crypto.HashAlgorithm.Sha256.TpmId);
        return template;
    }
}
