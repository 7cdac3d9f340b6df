using System.Text.Json;
using System.Text.Json.Serialization;

namespace ImaHost.MeasurementList;

/// <summary>
/// Which part of the list evidence has: it begins with the first segment that is not erased. What it says is proven by the
/// replay, or refused.
/// </summary>
/// <param name="FirstEntry">Entries of the list before it.</param>
/// <param name="FirstByte">Bytes of the binary list before it.</param>
/// <param name="Entries">In it.</param>
/// <param name="Bytes">Of it.</param>
sealed record EvidencePlace(string Schema, long FirstEntry, long FirstByte, long Entries, long Bytes)
{
    public const string CurrentSchema = "imahost-evidence/1";

    /// <summary>More than any list has; two of them can be added.</summary>
    const long Most = long.MaxValue / 4;

    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, EvidencePlaceJson.Default.EvidencePlace), (byte)'\n'];

    /// <summary>Reads what <see cref="ToBytes"/> has made, and no other spelling.</summary>
    /// <exception cref="FormatException">It is something else; the message does not name the file.</exception>
    public static EvidencePlace Read(ReadOnlySpan<byte> bytes)
    {
        EvidencePlace? place;
        try
        {
            place = JsonSerializer.Deserialize(bytes, EvidencePlaceJson.Default.EvidencePlace);
        }
        catch (JsonException e)
        {
            throw new FormatException($"cannot be read: {e.Message.Split('\n')[0]}");
        }

        return place?.Schema != CurrentSchema ? throw new FormatException($"has not the schema {CurrentSchema}")
            : new[] { place.FirstEntry, place.FirstByte, place.Entries, place.Bytes }.Any(number => number is < 0 or > Most)
                ? throw new FormatException("has a number that no list can have")
            : (place.FirstEntry == 0) != (place.FirstByte == 0) ? throw new FormatException("tells of entries without bytes before the list")
            : !place.ToBytes().AsSpan().SequenceEqual(bytes) ? throw new FormatException("is not written as it is written here")
            : place;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(EvidencePlace))]
sealed partial class EvidencePlaceJson : JsonSerializerContext;
