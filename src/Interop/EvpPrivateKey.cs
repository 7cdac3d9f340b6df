using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// Where private keys come from: PEM, or a store of OpenSSL named by a URI. That of a token (RFC 7512) is reached by a
/// provider (pkcs11-provider) or, where that is not installed, by an engine (libp11).
/// </summary>
public static unsafe class EvpPrivateKey
{
    const string Token = "pkcs11";

    /// <summary>Reads the first private key of a PEM file, in any form that OpenSSL knows.</summary>
    /// <param name="passphrase">Unlocks it; empty: it needs none.</param>
    /// <exception cref="CryptographicException">There is none, or another passphrase locks it.</exception>
    public static EvpKey FromPem(ReadOnlySpan<byte> pem, ReadOnlySpan<byte> passphrase)
    {
        fixed (byte* content = pem)
        fixed (byte* secret = passphrase)
        {
            var unlock = new Crypto.Passphrase { Bytes = secret, Count = passphrase.Length };
            void* bio = Crypto.BIO_new_mem_buf(content, pem.Length);
            void* key = Crypto.PEM_read_bio_PrivateKey(bio, null, &Ask, &unlock);
            _ = Crypto.BIO_free(bio);
            return Checked(key, "read the private key", in unlock);
        }
    }

    /// <summary>Opens a key that stays where it is.</summary>
    /// <param name="uri">"pkcs11:token=…;object=…", or of another kind that OpenSSL has a store for.</param>
    /// <param name="pin">The token's; empty: the URI has it (pin-value, pin-source), or it needs none.</param>
    /// <exception cref="CryptographicException">No module reaches it, it is not there, or the PIN is wrong.</exception>
    public static EvpKey FromUri(string uri, ReadOnlySpan<byte> pin)
    {
        fixed (byte* secret = pin)
        {
            var unlock = new Crypto.Passphrase { Bytes = secret, Count = pin.Length };
            void* prompts = Crypto.UI_UTIL_wrap_read_pem_callback(&Ask, 0);
            try
            {
                bool isInStore = !uri.StartsWith($"{Token}:", StringComparison.Ordinal) || LoadProvider();
                void* key = isInStore
                    ? OpenInStore(uri, prompts, &unlock)
                    : Crypto.ENGINE_load_private_key((void*)OpenEngine(), uri, prompts, &unlock);
                return Checked(key, $"open {WithoutSecret(uri)}", in unlock);
            }
            finally
            {
                Crypto.UI_destroy_method(prompts);
            }
        }
    }

    /// <summary>With one provider named, OpenSSL no longer loads the default one by itself.</summary>
    static bool LoadProvider()
    {
        bool isThere = Crypto.OSSL_PROVIDER_load(null, Token) != null;
        if (isThere)
        {
            _ = Crypto.OSSL_PROVIDER_load(null, "default");
        }

        Crypto.ERR_clear_error();
        return isThere;
    }

    static void* OpenInStore(string uri, void* prompts, Crypto.Passphrase* unlock)
    {
        void* store = Crypto.OSSL_STORE_open(uri, prompts, unlock, null, null);
        void* key = null;
        while (store != null && key == null && Crypto.OSSL_STORE_eof(store) == 0)
        {
            void* info = Crypto.OSSL_STORE_load(store);
            if (info != null && Crypto.OSSL_STORE_INFO_get_type(info) == Crypto.StoreInfoPrivateKey)
            {
                key = Crypto.OSSL_STORE_INFO_get1_PKEY(info);
            }

            Crypto.OSSL_STORE_INFO_free(info);
        }

        _ = store == null ? 0 : Crypto.OSSL_STORE_close(store);
        return key;
    }

    /// <summary>The engine, which stays for as long as the process does.</summary>
    static nint OpenEngine()
    {
        try
        {
            void* engine = Crypto.ENGINE_by_id(Token);
            if (engine != null && Crypto.ENGINE_init(engine) == 1)
            {
                return (nint)engine;
            }

            _ = Crypto.ENGINE_free(engine);
        }
        catch (EntryPointNotFoundException)
        {
            // OpenSSL was built without engines, as that of version 4 is.
        }

        Crypto.ERR_clear_error();
        throw new CryptographicException(
            "OpenSSL has neither the provider nor the engine \"pkcs11\"; install pkcs11-provider or"
            + " libengine-pkcs11-openssl");
    }

    static EvpKey Checked(void* key, string what, in Crypto.Passphrase unlock)
    {
        if (key != null)
        {
            Crypto.ERR_clear_error();
            return new EvpKey(key);
        }

        string why = unlock.Asked > 0 && unlock.Count == 0
            ? "it is locked, and no passphrase was given"
            : EvpKey.LastError();
        Crypto.ERR_clear_error();
        throw new CryptographicException($"{what}: {why}");
    }

    static string WithoutSecret(string uri) =>
        uri.IndexOf("pin-value=", StringComparison.Ordinal) is var at and >= 0 ? uri[..at] + "pin-value=…" : uri;

    /// <summary>pem_password_cb. Without it OpenSSL would ask at the terminal.</summary>
    [UnmanagedCallersOnly]
    static int Ask(byte* into, int room, int writes, Crypto.Passphrase* unlock)
    {
        unlock->Asked++;
        if (unlock->Count == 0 || unlock->Count > room)
        {
            return -1;
        }

        Unsafe.CopyBlock(into, unlock->Bytes, (uint)unlock->Count);
        return unlock->Count;
    }
}
