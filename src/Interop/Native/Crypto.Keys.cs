using System.Runtime.InteropServices;

namespace ImaHost.Interop.Native;

/// <summary>OpenSSL's keys, under their own names (openssl-EVP_PKEY_verify(3), openssl-OSSL_STORE_open(3)).</summary>
static unsafe partial class Crypto
{
    /// <summary>RSA_PKCS1_PADDING, openssl/rsa.h.</summary>
    public const int Pkcs1Padding = 1;

    /// <summary>OSSL_STORE_INFO_PKEY, openssl/store.h.</summary>
    public const int StoreInfoPrivateKey = 4;

    [LibraryImport(Library)]
    public static partial void* d2i_PUBKEY(void** into, byte** from, nint count);

    [LibraryImport(Library)]
    public static partial int i2d_PUBKEY(EvpKey key, byte** into);

    [LibraryImport(Library)]
    public static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_get_bits(EvpKey key);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_get_size(EvpKey key);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int EVP_PKEY_is_a(EvpKey key, string type);

    [LibraryImport(Library)]
    public static partial void* EVP_PKEY_CTX_new_from_pkey(void* library, EvpKey key, void* properties);

    [LibraryImport(Library)]
    public static partial void EVP_PKEY_CTX_free(void* context);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_verify_init(void* context);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_verify(
        void* context, byte* signature, nuint signatureSize, byte* digest, nuint digestSize);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_sign_init(void* context);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_sign(
        void* context, byte* signature, nuint* signatureSize, byte* digest, nuint digestSize);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_CTX_set_rsa_padding(void* context, int padding);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_CTX_set_signature_md(void* context, void* digest);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void* EVP_get_digestbyname(string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int EVP_Q_digest(
        void* library, string name, void* properties, byte* data, nuint count, byte* digest, nuint* size);

    [LibraryImport(Library)]
    public static partial void ERR_clear_error();

    [LibraryImport(Library)]
    public static partial nuint ERR_peek_last_error();

    [LibraryImport(Library)]
    public static partial byte* ERR_reason_error_string(nuint error);

    [LibraryImport(Library)]
    public static partial void* BIO_new_mem_buf(byte* data, int count);

    [LibraryImport(Library)]
    public static partial int BIO_free(void* bio);

    [LibraryImport(Library)]
    public static partial void* PEM_read_bio_PrivateKey(
        void* bio, void** into, delegate* unmanaged<byte*, int, int, Passphrase*, int> ask, Passphrase* state);

    [LibraryImport(Library)]
    public static partial void* UI_UTIL_wrap_read_pem_callback(
        delegate* unmanaged<byte*, int, int, Passphrase*, int> ask, int writes);

    [LibraryImport(Library)]
    public static partial void UI_destroy_method(void* method);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void* OSSL_PROVIDER_load(void* library, string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void* OSSL_STORE_open(
        string uri, void* userInterface, Passphrase* state, void* filter, void* filterState);

    [LibraryImport(Library)]
    public static partial void* OSSL_STORE_load(void* store);

    [LibraryImport(Library)]
    public static partial int OSSL_STORE_eof(void* store);

    [LibraryImport(Library)]
    public static partial int OSSL_STORE_close(void* store);

    [LibraryImport(Library)]
    public static partial int OSSL_STORE_INFO_get_type(void* info);

    [LibraryImport(Library)]
    public static partial void* OSSL_STORE_INFO_get1_PKEY(void* info);

    [LibraryImport(Library)]
    public static partial void OSSL_STORE_INFO_free(void* info);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void* ENGINE_by_id(string id);

    [LibraryImport(Library)]
    public static partial int ENGINE_init(void* engine);

    [LibraryImport(Library)]
    public static partial int ENGINE_free(void* engine);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void* ENGINE_load_private_key(
        void* engine, string id, void* userInterface, Passphrase* state);

    /// <summary>What a private key is unlocked with, for <c>pem_password_cb</c>.</summary>
    public struct Passphrase
    {
        public byte* Bytes;
        public int Count;

        /// <summary>How often it was asked for.</summary>
        public int Asked;
    }
}
