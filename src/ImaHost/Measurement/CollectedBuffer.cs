using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Measurement;

/// <summary>
/// A buffer to be entered in the list (process_buffer_measurement): what a service knows of itself, a region of kernel
/// memory, what the host says of its own state.
/// </summary>
sealed class CollectedBuffer(byte[] name, byte[] data)
{
    Digest _digest;
    Digest _sha1;

    /// <summary>ima-buf, as in the kernel; but a list of template "ima" stays one, because its readers know no other.</summary>
    public static TemplateDescriptor TemplateIn(TemplateDescriptor listed) =>
        listed.IsLegacy ? listed : TemplateDescriptor.ImaBuf;

    public FieldSource Fields => new() { Digest = _digest, Sha1 = _sha1, Name = name, Buffer = data };

    /// <summary>The digests of the data.</summary>
    public void Collect(in CollectRequest wanted, DigestSet digests)
    {
        _digest = digests.Hash(wanted.ImaHash, data);
        _sha1 = wanted.Sha1 ? digests.Hash(HashAlgorithm.Sha1, data) : default;
    }
}
