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
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ConfiguredExport? Read(string path)
    {
        try
        {
            return File.Exists(path)
                ? JsonSerializer.Deserialize(File.ReadAllBytes(path), ConfiguredExportJson.Default.ConfiguredExport)
                : null;
        }
        catch (JsonException e)
        {
            throw new IOException($"{path}: {e.Message.Split('\n')[0]}; remove it to go on with what the list says");
        }
    }

    public void Write(string path) => DurableFile.Write(
        path, JsonSerializer.SerializeToUtf8Bytes(this, ConfiguredExportJson.Default.ConfiguredExport));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ConfiguredExport))]
sealed partial class ConfiguredExportJson : JsonSerializerContext;
