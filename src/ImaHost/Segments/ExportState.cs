using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Interop;

namespace ImaHost.Segments;

/// <summary>How far the export of one list has come. Kept beside its segments, so that the next host goes on there.</summary>
/// <param name="Target">What <see cref="ExportTarget.ToString"/> gives.</param>
/// <param name="Next">The first segment that is not exported.</param>
/// <param name="Bytes">Of a target that is a file: its length after the last one.</param>
/// <param name="Failed">Why nothing more is exported until there is a new target, or null.</param>
sealed record ExportState(string Target, int Next, long Bytes, string? Failed)
{
    static string PathIn(string list) => Path.Combine(list, "export");

    /// <summary>Null: nothing of this list was ever exported.</summary>
    public static ExportState? Read(string list)
    {
        try
        {
            return File.Exists(PathIn(list))
                ? JsonSerializer.Deserialize(File.ReadAllBytes(PathIn(list)), ExportStateJson.Default.ExportState)
                : null;
        }
        catch (JsonException e)
        {
            throw new IOException($"{PathIn(list)}: {e.Message.Split('\n')[0]}; remove it to export everything anew");
        }
    }

    public void Write(string list) =>
        DurableFile.Write(PathIn(list), JsonSerializer.SerializeToUtf8Bytes(this, ExportStateJson.Default.ExportState));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ExportState))]
sealed partial class ExportStateJson : JsonSerializerContext;
