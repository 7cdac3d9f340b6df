namespace ImaHost.Segments;

/// <summary>What is known of one segment, and what is wrong with it.</summary>
/// <param name="State">"sealed"; "open": not sealed yet; "erased": its entries are gone, its manifest is there; "missing".</param>
/// <param name="FirstEntry">Entries of the list before it.</param>
/// <param name="Quoted">A TPM has signed its manifest.</param>
/// <param name="Problems">Each a sentence; none when it is as it should be.</param>
sealed record SegmentReport(
    int Segment, string State, long FirstEntry, long Entries, long Bytes, string? Sealed, bool Quoted,
    IReadOnlyList<string> Problems)
{
    /// <summary>What cannot be told from what is here, and is no fault.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
