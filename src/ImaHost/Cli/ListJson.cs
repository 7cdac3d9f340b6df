using System.Text.Json.Serialization;

namespace ImaHost.Cli;

/// <summary>One entry of <c>imahost list --json</c>.</summary>
/// <param name="Fields">The template's fields by their names (d-ng, n-ng, sig), as the ascii list shows them.</param>
sealed record ListEntry(
    long Entry, int Pcr, string TemplateDigest, string Template, bool Violation,
    IReadOnlyDictionary<string, string> Fields);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ListEntry))]
sealed partial class ListJson : JsonSerializerContext;
