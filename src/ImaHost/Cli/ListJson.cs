using System.Text.Json.Serialization;

namespace ImaHost.Cli;

/// <summary>One entry of <c>imahost list --json</c>.</summary>
sealed record ListEntry(
    long Entry, int Pcr, string TemplateDigest, string Template, bool Violation, ListFields Fields);

/// <summary>The template's fields: digest with its algorithm, name, signature in hex (null where there is no such field).</summary>
sealed record ListFields(string Digest, string Name, string? Sig);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ListEntry))]
sealed partial class ListJson : JsonSerializerContext;
