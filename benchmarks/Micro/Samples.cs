using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Benchmarks;

/// <summary>The file that entries are about.</summary>
static class Samples
{
    /// <summary>Bytes of a signature in security.ima: its header of 9 and RSA-2048.</summary>
    const int SignatureSize = 9 + 256;

    static readonly Digest Content = new(HashAlgorithm.Sha256, new byte[HashAlgorithm.MaxSize]);
    static readonly byte[] Signature = [3, .. new byte[SignatureSize - 1]];

    /// <summary>Where the digest begins in the data of a template that begins with d-ng: length, "sha256:", NUL.</summary>
    const int DigestAt = 4 + 8;

    public static FieldSource Signed => new()
    {
        Digest = Content, Name = "/usr/lib/x86_64-linux-gnu/some/directory/libsomething.so.1.2.3"u8, Signature = Signature,
    };

    public static FieldSource Unsigned => new() { Digest = Content, Name = Signed.Name };

    /// <summary>The template data of an entry without a signature, as most are.</summary>
    public static byte[] Data()
    {
        var data = new ByteBuilder();
        TemplateDescriptor.ImaSig.AppendData(Unsigned, data);
        return data.Written.ToArray();
    }

    /// <summary>Makes it the data of another file.</summary>
    public static void Number(byte[] data, long number) => BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(DigestAt), number);
}
