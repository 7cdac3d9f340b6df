using ImaHost.Crypto;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Measurement;

/// <summary>What the rules and the entries of one measurement need to know.</summary>
/// <param name="ImaHash">The algorithm, where nothing else names one.</param>
/// <param name="Sha1">Also the SHA-1 digest.</param>
/// <param name="Xattrs">Also the attributes that EVM protects.</param>
/// <param name="Content">The digest of the file's bytes.</param>
/// <param name="Verity">The fs-verity digest.</param>
/// <param name="Reference">The digest in <paramref name="ImaHash"/> too, whatever algorithm security.ima names.</param>
readonly record struct CollectRequest(
    HashAlgorithm ImaHash, bool Sha1 = false, bool Xattrs = false, bool Content = true, bool Verity = false,
    bool Reference = false)
{
    /// <summary>That, and what one more template needs.</summary>
    public CollectRequest For(TemplateDescriptor template) =>
        this with { Sha1 = Sha1 || template.NeedsSha1, Xattrs = Xattrs || template.NeedsXattrs };

    /// <summary>That, and the digest that one more rule is about.</summary>
    public CollectRequest For(ImaRule rule) =>
        this with
        {
            Content = Content || !rule.IsVerity,
            Verity = Verity || rule.IsVerity || rule.By.HasFlag(Vouching.Verity),
            Reference = Reference || (rule.By & (Vouching.Reference | Vouching.Package)) != 0,
        };
}
