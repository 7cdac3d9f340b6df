using System.Globalization;
using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>A security.ima in words.</summary>
static class LabelText
{
    public static string Kind(SecurityImaType type) => type switch
    {
        SecurityImaType.None => "none",
        SecurityImaType.Digest or SecurityImaType.DigestNg => "hash",
        SecurityImaType.Signature => "signature",
        SecurityImaType.VeritySignature => "verity-signature",
        SecurityImaType.PortableSignature or SecurityImaType.Invalid => "damaged",
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>The id of the key that a signature names (signature_v2_hdr.keyid, integrity.h); 0: it is no whole signature.</summary>
    public static uint KeyId(in SecurityIma label) =>
        label is { IsSignature: true, Form: SignatureForm.Sound } ? label.KeyId : 0;

    /// <summary>As evmctl writes it; null for 0.</summary>
    public static string? Key(uint id) => id == 0 ? null : id.ToString("x8", CultureInfo.InvariantCulture);

    /// <summary>FNV-1a: a number that differs when the label does, unless somebody makes it so.</summary>
    public static ulong Tag(ReadOnlySpan<byte> bytes, ulong seed = 0xcbf29ce484222325)
    {
        ulong tag = seed;
        foreach (byte one in bytes)
        {
            tag = unchecked((tag ^ one) * 0x100000001b3);
        }

        return tag;
    }
}
