using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>One hash algorithm with a context that is used again and again. Not for two threads at once.</summary>
public sealed unsafe class EvpDigest : IDisposable
{
    void* _digest;
    void* _context;

    /// <summary>Does OpenSSL offer that algorithm here?</summary>
    public static bool IsOffered(string name)
    {
        void* digest = Crypto.EVP_MD_fetch(null, name, null);
        Crypto.EVP_MD_free(digest);
        return digest != null;
    }

    /// <param name="name">OpenSSL's name: "sha256".</param>
    /// <exception cref="NotSupportedException">OpenSSL does not offer it here.</exception>
    public EvpDigest(string name)
    {
        _digest = Crypto.EVP_MD_fetch(null, name, null);
        if (_digest == null)
        {
            throw new NotSupportedException($"OpenSSL offers no {name}");
        }

        Size = Crypto.EVP_MD_get_size(_digest);
        _context = Crypto.EVP_MD_CTX_new();
        Reset();
    }

    /// <summary>Bytes of a digest.</summary>
    public int Size { get; }

    /// <summary>Hashes once, without a context that is kept: for any thread.</summary>
    /// <param name="name">OpenSSL's name: "sha256".</param>
    /// <returns>Bytes of the digest.</returns>
    public static int HashOnce(string name, ReadOnlySpan<byte> data, Span<byte> digest)
    {
        nuint size = 0;
        fixed (byte* bytes = data)
        fixed (byte* into = digest)
        {
            Check(Crypto.EVP_Q_digest(null, name, null, bytes, (nuint)data.Length, into, &size));
        }

        return (int)size;
    }

    /// <summary>Begins anew.</summary>
    public void Reset() => Check(Crypto.EVP_DigestInit_ex(_context, _digest, null));

    /// <summary>Takes in more bytes.</summary>
    public void Update(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            Check(Crypto.EVP_DigestUpdate(_context, bytes, (nuint)data.Length));
        }
    }

    /// <summary>Writes the digest (<see cref="Size"/> bytes) and begins anew.</summary>
    public void Finish(Span<byte> digest)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(digest.Length, Size);
        uint size;
        fixed (byte* into = digest)
        {
            Check(Crypto.EVP_DigestFinal_ex(_context, into, &size));
        }

        Reset();
    }

    /// <summary>Reset, Update and Finish.</summary>
    public void Hash(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        Update(data);
        Finish(digest);
    }

    /// <summary>Frees the context.</summary>
    public void Dispose()
    {
        Crypto.EVP_MD_CTX_free(_context);
        Crypto.EVP_MD_free(_digest);
        _context = null;
        _digest = null;
    }

    static void Check(int result)
    {
        if (result != 1)
        {
            throw new InvalidOperationException("OpenSSL refused a digest operation");
        }
    }
}
