using System.Runtime.InteropServices;

namespace ImaHost.Interop.Native;

/// <summary>OpenSSL's EVP digests, under their own names (openssl-EVP_DigestInit(3)).</summary>
static unsafe partial class Crypto
{
    const string Library = "libcrypto.so.3";

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void* EVP_MD_fetch(void* context, string algorithm, void* properties);

    [LibraryImport(Library)]
    public static partial void EVP_MD_free(void* digest);

    [LibraryImport(Library)]
    public static partial int EVP_MD_get_size(void* digest);

    [LibraryImport(Library)]
    public static partial void* EVP_MD_CTX_new();

    [LibraryImport(Library)]
    public static partial void EVP_MD_CTX_free(void* context);

    [LibraryImport(Library)]
    public static partial int EVP_DigestInit_ex(void* context, void* digest, void* engine);

    [LibraryImport(Library)]
    public static partial int EVP_DigestUpdate(void* context, void* data, nuint count);

    [LibraryImport(Library)]
    public static partial int EVP_DigestFinal_ex(void* context, byte* digest, uint* size);
}
