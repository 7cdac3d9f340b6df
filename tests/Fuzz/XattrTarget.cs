using ImaHost.Crypto;

namespace ImaHost.Fuzz;

/// <summary>
/// The reader of security.ima. For any bytes: nothing is thrown; the attribute is kept as it is; its type is the one
/// its first byte names, or it is invalid; a digest has the size of its algorithm, and what is written for it reads as
/// the same digest: as the same bytes but for SHA-1, which is written without its name. A sound signature is what follows
/// the header, which is written again as it was.
/// </summary>
static class XattrTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        SecurityIma parsed = SecurityIma.Parse(input);
        Property.Same(input, parsed.Value, "the attribute, and what is kept of it");
        SecurityImaType named = input.IsEmpty ? SecurityImaType.None : (SecurityImaType)input[0];
        Property.Holds(parsed.Type == named || parsed.Type == SecurityImaType.Invalid, $"the type is {parsed.Type}");
        Property.Holds(
            parsed.IsDigest == !parsed.Digest.IsEmpty, $"{parsed.Type} with a digest of {parsed.Digest.Length} bytes");
        Property.Holds(parsed.IsSignature == (parsed.Form != SignatureForm.None), $"{parsed.Type} whose form is {parsed.Form}");
        if (parsed.IsDigest)
        {
            WriteAgain(in parsed);
        }
        else if (parsed.Algorithm is { } algorithm)
        {
            WriteHeaderAgain(in parsed, algorithm);
        }
    }

    static void WriteHeaderAgain(in SecurityIma parsed, HashAlgorithm algorithm)
    {
        Property.Holds(parsed.Form == SignatureForm.Sound, $"a signature over {algorithm} whose form is {parsed.Form}");
        Span<byte> header = stackalloc byte[SecurityIma.SignatureHeader];
        SecurityIma.WriteHeader(parsed.Type, algorithm, parsed.KeyId, parsed.Signature.Length, header);
        Property.Same(parsed.Value[..SecurityIma.SignatureHeader], header, "the header, and what is written for it");
        Property.Same(parsed.Value[SecurityIma.SignatureHeader..], parsed.Signature, "what follows the header, and the signature");
    }

    static void WriteAgain(in SecurityIma parsed)
    {
        HashAlgorithm algorithm = parsed.Algorithm ?? throw new PropertyException("a digest without its algorithm");
        Property.Holds(parsed.Digest.Length == algorithm.Size, $"a {algorithm} digest of {parsed.Digest.Length} bytes");
        Span<byte> written = stackalloc byte[2 + HashAlgorithm.MaxSize];
        written = written[..SecurityIma.Write(new Digest(algorithm, parsed.Digest), written)];
        SecurityIma again = SecurityIma.Parse(written);
        Property.Holds(again.Algorithm == algorithm, $"a {algorithm} digest is written as one of {again.Algorithm}");
        Property.Same(parsed.Digest, again.Digest, "the digest, and what it is written as");
        if (algorithm != HashAlgorithm.Sha1 || parsed.Type == SecurityImaType.Digest)
        {
            Property.Same(parsed.Value, written, "the attribute, and what is written for its digest");
        }
    }
}
