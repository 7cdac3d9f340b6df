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

    /// <summary>Null: nothing of this list was ever exported, as far as can be known.</summary>
    /// <param name="warn">Hears of a damaged file, which counts as none: everything is exported again.</param>
    public static ExportState? Read(string list, Action<string>? warn = null) =>
        KeptFile.Read(PathIn(list), Parse, "what is there of that list is exported again", warn);

    /// <summary>The target that it names is not the list's any more.</summary>
    public static void Forget(string list) => File.Delete(PathIn(list));

    static ExportState? Parse(byte[] bytes) =>
        JsonSerializer.Deserialize(bytes, ExportStateJson.Default.ExportState) is { Target: not null, Next: >= 0, Bytes: >= 0 } state
        && ExportTarget.TryParse(state.Target) != null ? state : null;

    public void Write(string list) =>
        DurableFile.Write(PathIn(list), JsonSerializer.SerializeToUtf8Bytes(this, ExportStateJson.Default.ExportState));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ExportState))]
sealed partial class ExportStateJson : JsonSerializerContext;
