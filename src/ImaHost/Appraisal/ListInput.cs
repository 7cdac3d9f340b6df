using System.Globalization;
using System.Security.Cryptography;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>A list's bytes, from the first to the last, of which no more than a buffer is ever in memory.</summary>
sealed class ListInput : Stream
{
    readonly HeldFile _file;
    readonly string _path;
    readonly long _most;
    readonly IncrementalHash? _hash;
    long _at;

    /// <param name="most">Bytes that are read; of a longer file none is.</param>
    /// <param name="isHashed">For <see cref="Finish"/>.</param>
    public ListInput(HeldFile file, string path, long most, bool isHashed)
    {
        _file = file;
        _path = path;
        _most = most;
        _hash = isHashed ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _at;
        set => throw new NotSupportedException();
    }

    /// <exception cref="PolicyException">It cannot be read, or is too long.</exception>
    public override int Read(Span<byte> buffer)
    {
        int got = _file.ReadAt(buffer, _at);
        if (got < 0)
        {
            throw new PolicyException(new PolicyPlace(_path), ErrnoException.Describe(-got));
        }

        _at += got;
        CheckLength(_path, _at, _most);
        _hash?.AppendData(buffer[..got]);
        return got;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>Reads what a reader left over.</summary>
    /// <returns>The SHA-256 of all of it.</returns>
    public byte[] Finish()
    {
        Span<byte> rest = stackalloc byte[4096];
        while (Read(rest) > 0)
        {
        }

        return _hash!.GetHashAndReset();
    }

    /// <exception cref="PolicyException">It is too long.</exception>
    public static void CheckLength(string path, long length, long most)
    {
        if (length > most)
        {
            throw new PolicyException(
                new PolicyPlace(path),
                string.Create(CultureInfo.InvariantCulture, $"has {length} bytes; more than {most} are not read"));
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _hash?.Dispose();
        base.Dispose(disposing);
    }
}
