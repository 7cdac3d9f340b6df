using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Crypto;

namespace ImaHost.Segments;

/// <summary>Values of PCRs in hex, by bank and then by PCR.</summary>
sealed class PcrTable : Dictionary<string, Dictionary<string, string>>;

/// <summary>
/// What is known of a sealed segment besides its bytes, so that it can be verified alone: where it stands in the list,
/// what it holds, and what the PCRs held before and after it. docs/imahost-segment.5.scd describes each member.
/// </summary>
sealed record Manifest
{
    public const string CurrentSchema = "imahost-segment/1";
    static readonly PcrTable NoPcrs = [];

    public required string Schema { get; init; }

    /// <summary>The name of the list's directory: the boot id, and ".N" for a later list of that boot.</summary>
    public required string List { get; init; }

    public required string BootId { get; init; }

    /// <summary>Counted from 0.</summary>
    public required int Segment { get; init; }

    /// <summary>Entries of the list before this one.</summary>
    public required long FirstEntry { get; init; }

    public required long Entries { get; init; }

    /// <summary>Bytes of the binary list before this one.</summary>
    public required long FirstByte { get; init; }

    public required long Bytes { get; init; }

    /// <summary>Bytes of the ascii list before this one.</summary>
    public required long FirstAsciiByte { get; init; }

    public required long AsciiBytes { get; init; }

    /// <summary>Violations among the entries.</summary>
    public required long Violations { get; init; }

    /// <summary>The PCR of the list's first entry.</summary>
    public required int Pcr { get; init; }

    /// <summary>How many of the first entries the kernel has extended and not we.</summary>
    public required long KernelEntries { get; init; }

    /// <summary>The banks in which the kernel has extended those as SHA-1 padded with zeros.</summary>
    public required IReadOnlyList<string> Padded { get; init; }

    /// <summary>"sha256:" and the digest of the segment's bytes, hex.</summary>
    public required string Digest { get; init; }

    /// <summary>The digest of the manifest before this one, in the same form; null in the first.</summary>
    public required string? Previous { get; init; }

    /// <summary>Every PCR that the list had used by then.</summary>
    public required PcrTable PcrsBefore { get; init; }

    public required PcrTable PcrsAfter { get; init; }

    /// <summary>A TPM had all these entries when the segment was sealed.</summary>
    public required bool Extended { get; init; }

    /// <summary>When it was sealed, UTC, whole seconds.</summary>
    public required DateTime Time { get; init; }

    /// <summary>Of the host.</summary>
    public required string Version { get; init; }

    /// <summary>Null: none, and then there is no such member.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ManifestQuote? Quote { get; init; }

    [JsonIgnore]
    public LogExtent Start => new(FirstEntry, FirstByte, FirstAsciiByte);

    [JsonIgnore]
    public LogExtent End => Start + new LogExtent(Entries, Bytes, AsciiBytes);

    /// <summary>
    /// What is kept of it in memory, where there may be many: neither what the PCRs held nor a quote nor digests, which are
    /// most of it and stand in the file.
    /// </summary>
    public Manifest Numbers() => this with
    {
        Schema = CurrentSchema,
        List = string.Intern(List),
        BootId = string.Intern(BootId),
        Version = string.Intern(Version),
        Padded = [],
        Digest = "",
        Previous = null,
        PcrsBefore = NoPcrs,
        PcrsAfter = NoPcrs,
        Quote = null,
    };

    /// <summary>The banks in which the kernel's entries are SHA-1 padded with zeros.</summary>
    public HashAlgorithm[] ReadPadded() => [.. Padded.Select(HashAlgorithm.FromName).OfType<HashAlgorithm>()];

    /// <summary>What the file holds: the members in this order, no blanks, LF at the end.</summary>
    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, ManifestJson.Canonical.Manifest), (byte)'\n'];

    /// <summary>What a quote signs, besides PCRs: the digest of the rest of it, as <see cref="ManifestQuote.Qualify"/> writes it.</summary>
    public byte[] QualifyingData(DigestSet digests) =>
        ManifestQuote.Qualify(digests.Hash(HashAlgorithm.Sha256, (this with { Quote = null }).ToBytes()));

    /// <summary>Reads what <see cref="ToBytes"/> has made: nothing else is a manifest, not even another spelling of it.</summary>
    /// <exception cref="ManifestException">It is none; the message does not name the file.</exception>
    public static Manifest Read(ReadOnlySpan<byte> bytes)
    {
        Manifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(bytes, ManifestJson.Canonical.Manifest);
        }
        catch (JsonException e)
        {
            throw new ManifestException($"this is no manifest: {e.Message.Split('\n')[0]}");
        }

        return manifest == null || manifest.Schema != CurrentSchema ? throw new ManifestException($"the schema is not {CurrentSchema}")
            : ManifestBounds.Fault(manifest) is { } fault ? throw new ManifestException(fault)
            : !manifest.ToBytes().AsSpan().SequenceEqual(bytes) ? throw new ManifestException("it is not written as a manifest is")
            : manifest;
    }
}

/// <summary>A file that should be a manifest is not.</summary>
sealed class ManifestException(string message) : FormatException(message);

[JsonSerializable(typeof(Manifest))]
sealed partial class ManifestJson : JsonSerializerContext
{
    /// <summary>One spelling for each manifest: characters of ASCII stand for themselves, "+" and "&lt;" too.</summary>
    public static ManifestJson Canonical { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
