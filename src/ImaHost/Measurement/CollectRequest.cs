using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Measurement;

/// <summary>What the entries of one measurement need to know.</summary>
/// <param name="ImaHash">The algorithm, where nothing else names one.</param>
/// <param name="Sha1">Also the SHA-1 digest.</param>
/// <param name="Xattrs">Also the attributes that EVM protects.</param>
readonly record struct CollectRequest(HashAlgorithm ImaHash, bool Sha1 = false, bool Xattrs = false)
{
    /// <summary>That, and what one more template needs.</summary>
    public CollectRequest For(TemplateDescriptor template) =>
        new(ImaHash, Sha1 || template.NeedsSha1, Xattrs || template.NeedsXattrs);
}
