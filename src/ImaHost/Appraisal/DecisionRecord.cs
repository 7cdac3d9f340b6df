using System.Text.Json;
using System.Text.Json.Serialization;

namespace ImaHost.Appraisal;

/// <summary>What came of one access that was appraised.</summary>
enum DecisionOutcome
{
    /// <summary>Somebody vouches for the file.</summary>
    Allowed,
    /// <summary>Its label was written, and it was let through (fix mode).</summary>
    Fixed,
    /// <summary>It was let through; enforce would have denied it.</summary>
    WouldDeny,
    /// <summary>It ran before the service came and goes on; enforce would have denied it.</summary>
    LeftRunning,
    /// <summary>It was denied.</summary>
    Denied,
    /// <summary>It could not be judged: what came of it is what is configured for that.</summary>
    Unjudged,
    /// <summary>No decision: how many were lost before this one (<see cref="DecisionRecord.Count"/>).</summary>
    Dropped,
}

/// <summary>
/// One line of the record of decisions: JSON, whose keys are these names in lower case. What is not known is left out.
/// A line without an outcome tells that the decision of that number was made again.
/// </summary>
sealed record DecisionRecord
{
    /// <summary>Counted from 1, over all hosts that wrote into this state directory.</summary>
    public long Seq { get; init; }

    public DateTime Time { get; init; }

    public DecisionOutcome? Outcome { get; init; }

    /// <summary>The path it was accessed by, as the log writes it.</summary>
    public string? Path { get; init; }

    /// <summary>"MAJOR:MINOR" of its filesystem.</summary>
    public string? Device { get; init; }

    public ulong? Inode { get; init; }

    public string? Hook { get; init; }

    public int? Pid { get; init; }

    public string? Comm { get; init; }

    public uint? Uid { get; init; }

    /// <summary>Why nobody vouches for it, in the kernel's word; of one that could not be judged, why not.</summary>
    public string? Cause { get; init; }

    /// <summary>The rule that decided, in the kernel's language.</summary>
    public string? Rule { get; init; }

    /// <summary>Its file and line.</summary>
    public string? Origin { get; init; }

    /// <summary>off, log, fix or enforce; log where the rule says so.</summary>
    public string? Mode { get; init; }

    public string? Digest { get; init; }

    /// <summary>The kind of its security.ima.</summary>
    public string? Label { get; init; }

    /// <summary>A number that differs when its security.ima does, in hex.</summary>
    public string? LabelTag { get; init; }

    /// <summary>The key id that its security.ima names.</summary>
    public string? Key { get; init; }

    /// <summary>Who vouches for it; of one that is denied, whose word was not good.</summary>
    public string? By { get; init; }

    /// <summary>The line of a list that vouches for it.</summary>
    public string? Reference { get; init; }

    /// <summary>The package that list belongs to.</summary>
    public string? Package { get; init; }

    /// <summary>The violation that the same access brought.</summary>
    public string? Violation { get; init; }

    /// <summary>What was in force, as numbers that differ when it does, in hex.</summary>
    public string? Policy { get; init; }

    /// <inheritdoc cref="Policy"/>
    public string? Keys { get; init; }

    /// <inheritdoc cref="Policy"/>
    public string? Blacklist { get; init; }

    /// <inheritdoc cref="Policy"/>
    public string? References { get; init; }

    /// <summary>How often it was made; of a line that tells of repetitions, how often more.</summary>
    public long Count { get; init; } = 1;

    /// <summary>When it was made last, if more than once.</summary>
    public DateTime? Last { get; init; }

    /// <summary>Access was refused, or enforce would refuse it.</summary>
    [JsonIgnore]
    public bool IsDenial => Outcome is DecisionOutcome.Denied or DecisionOutcome.WouldDeny or DecisionOutcome.LeftRunning;

    /// <summary>Somebody vouched for it.</summary>
    [JsonIgnore]
    public bool IsAllowed => Outcome is DecisionOutcome.Allowed or DecisionOutcome.Fixed;

    /// <summary>When it was made last.</summary>
    [JsonIgnore]
    public DateTime Latest => Last ?? Time;

    /// <summary>The line, with its LF.</summary>
    public byte[] ToLine() => [.. JsonSerializer.SerializeToUtf8Bytes(this, DecisionJson.Default.DecisionRecord), (byte)'\n'];

    /// <returns>Null: that is no such line.</returns>
    public static DecisionRecord? TryParse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, DecisionJson.Default.DecisionRecord) is { Seq: > 0 } record ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DecisionRecord))]
sealed partial class DecisionJson : JsonSerializerContext;
