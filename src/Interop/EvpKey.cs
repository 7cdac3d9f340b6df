using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>What came of holding a signature against a key.</summary>
public enum EvpVerdict
{
    /// <summary>The key has made it, of that digest.</summary>
    Good,
    /// <summary>It has not, or that is no signature.</summary>
    Bad,
    /// <summary>OpenSSL knows no signature of this kind of key over this hash.</summary>
    NotOffered,
}

/// <summary>
/// A key of OpenSSL: RSA with PKCS #1 v1.5, or ECDSA in DER. May be used by several threads at once: each operation has
/// a context of its own, in OpenSSL's memory, so none allocates here. Freed when nothing refers to it any more, so a
/// set of keys can be put in the place of another while that is still used.
/// </summary>
public sealed unsafe class EvpKey : SafeHandle
{
    internal EvpKey(void* key)
        : base(0, ownsHandle: true)
    {
        handle = (nint)key;
        IsRsa = Crypto.EVP_PKEY_is_a(this, "RSA") == 1;
        IsEc = Crypto.EVP_PKEY_is_a(this, "EC") == 1;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>RSA, for signatures of PKCS #1 v1.5.</summary>
    public bool IsRsa { get; }

    /// <summary>ECDSA over some curve.</summary>
    public bool IsEc { get; }

    /// <summary>Bits of the modulus or of the curve's order.</summary>
    public int Bits => Crypto.EVP_PKEY_get_bits(this);

    /// <summary>The most bytes that one of its signatures has.</summary>
    public int MostSignatureBytes => Crypto.EVP_PKEY_get_size(this);

    /// <summary>Reads a public key.</summary>
    /// <param name="subjectPublicKeyInfo">In DER (RFC 5280, 4.1.2.7).</param>
    /// <returns>Null: that is none, or of a kind that OpenSSL does not offer.</returns>
    public static EvpKey? Read(ReadOnlySpan<byte> subjectPublicKeyInfo)
    {
        fixed (byte* start = subjectPublicKeyInfo)
        {
            byte* at = start;
            void* key = Crypto.d2i_PUBKEY(null, &at, subjectPublicKeyInfo.Length);
            Crypto.ERR_clear_error();
            return key == null ? null : new EvpKey(key);
        }
    }

    /// <summary>Its public half as SubjectPublicKeyInfo; empty when a token does not give it.</summary>
    public byte[] ExportPublicKey()
    {
        int size = Crypto.i2d_PUBKEY(this, null);
        byte[] info = new byte[Math.Max(size, 0)];
        fixed (byte* start = info)
        {
            byte* at = start;
            _ = size > 0 ? Crypto.i2d_PUBKEY(this, &at) : 0;
        }

        Crypto.ERR_clear_error();
        return info;
    }

    /// <summary>Is that this key's signature of that digest?</summary>
    /// <param name="hash">OpenSSL's name of what made the digest; a signature of RSA names it.</param>
    public EvpVerdict Verify(string hash, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> signature)
    {
        void* context = Crypto.EVP_PKEY_CTX_new_from_pkey(null, this, null);
        try
        {
            if (context == null || Crypto.EVP_PKEY_verify_init(context) != 1 || !Prepare(context, hash))
            {
                return EvpVerdict.NotOffered;
            }

            fixed (byte* what = digest)
            fixed (byte* by = signature)
            {
                int result = Crypto.EVP_PKEY_verify(context, by, (nuint)signature.Length, what, (nuint)digest.Length);
                return result == 1 ? EvpVerdict.Good : EvpVerdict.Bad;
            }
        }
        finally
        {
            Crypto.EVP_PKEY_CTX_free(context);
            Crypto.ERR_clear_error();
        }
    }

    /// <summary>Signs a digest with a private key.</summary>
    /// <param name="hash">OpenSSL's name of what made it.</param>
    /// <returns>Bytes of the signature.</returns>
    /// <exception cref="CryptographicException">OpenSSL or the key's token refuses.</exception>
    public int Sign(string hash, ReadOnlySpan<byte> digest, Span<byte> into)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(into.Length, MostSignatureBytes);
        void* context = Crypto.EVP_PKEY_CTX_new_from_pkey(null, this, null);
        try
        {
            nuint size = (nuint)into.Length;
            fixed (byte* what = digest)
            fixed (byte* by = into)
            {
                bool isSigned = context != null && Crypto.EVP_PKEY_sign_init(context) == 1 && Prepare(context, hash)
                    && Crypto.EVP_PKEY_sign(context, by, &size, what, (nuint)digest.Length) == 1;
                return isSigned ? (int)size : throw new CryptographicException($"sign a digest of {hash}: {LastError()}");
            }
        }
        finally
        {
            Crypto.EVP_PKEY_CTX_free(context);
            Crypto.ERR_clear_error();
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Crypto.EVP_PKEY_free(handle);
        return true;
    }

    /// <summary>OpenSSL's last error of this thread, in its words.</summary>
    internal static string LastError() =>
        Marshal.PtrToStringUTF8((nint)Crypto.ERR_reason_error_string(Crypto.ERR_peek_last_error())) ?? "OpenSSL refuses it";

    /// <summary>
    /// ECDSA takes a digest as it is, cut to the curve's size (FIPS 186-5, 6.4): OpenSSL is not told the hash, for it
    /// would then refuse those that it does not want to see signed by ECDSA.
    /// </summary>
    bool Prepare(void* context, string hash)
    {
        if (!IsRsa)
        {
            return IsEc;
        }

        void* digest = Crypto.EVP_get_digestbyname(hash);
        return digest != null
            && Crypto.EVP_PKEY_CTX_set_rsa_padding(context, Crypto.Pkcs1Padding) == 1
            && Crypto.EVP_PKEY_CTX_set_signature_md(context, digest) == 1;
    }
}
