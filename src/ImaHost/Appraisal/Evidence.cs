using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>What is known of a file when it is appraised.</summary>
readonly ref struct Evidence
{
    /// <summary>Its security.ima.</summary>
    public SecurityIma Label { get; init; }

    /// <summary>Minus the errno of reading that, or 0; that there is none is no error.</summary>
    public int LabelError { get; init; }

    /// <summary>The digest of its bytes, in the algorithm that the label names; nothing when none was taken.</summary>
    public Digest Content { get; init; }

    /// <summary>The same in the algorithm that reference lists are looked up by; nothing when no rule asks.</summary>
    public Digest Reference { get; init; }

    /// <summary>It has an fs-verity digest.</summary>
    public bool HasVerity { get; init; }

    public Digest Verity { get; init; }

    /// <summary>The path it is accessed by.</summary>
    public ReadOnlySpan<byte> Path { get; init; }
}
