using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Interop;

namespace ImaHost.Segments;

/// <summary>
/// What the configuration named last as the target of the export. Kept beside all lists: the list of the next boot goes
/// on where that of the last one has ended.
/// </summary>
/// <param name="Target">What <see cref="ExportTarget.ToString"/> gives.</param>
/// <param name="List">The name of the list that was exported to it.</param>
sealed record ConfiguredExport(string Target, string List)
{
    /// <summary>Null: none was ever configured.</summary>
    /// <param name="now">
    /// What is configured now, or null. If the file is damaged that counts as configured before: nothing is emptied that may
    /// hold the only copy.
    /// </param>
    /// <param name="warn">Hears of a damaged file.</param>
    public static ConfiguredExport? Read(string path, ExportTarget? now, Action<string>? warn)
    {
        bool isDamaged = false;
        ConfiguredExport? before = KeptFile.Read(
            path, Parse, "the configured target is not emptied, and gets again what is not known to be there",
            said =>
            {
                isDamaged = true;
                warn?.Invoke(said);
            },
            stays: true);
        return isDamaged && now != null ? new ConfiguredExport(now.ToString(), "") : before;
    }

    static ConfiguredExport? Parse(byte[] bytes) =>
        JsonSerializer.Deserialize(bytes, ConfiguredExportJson.Default.ConfiguredExport) is { Target: not null, List: not null } one
        && ExportTarget.TryParse(one.Target) != null && !one.List.Contains('/', StringComparison.Ordinal) ? one : null;

    public void Write(string path) => DurableFile.Write(
        path, JsonSerializer.SerializeToUtf8Bytes(this, ConfiguredExportJson.Default.ConfiguredExport));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ConfiguredExport))]
sealed partial class ConfiguredExportJson : JsonSerializerContext;
