using System.Text.Json.Serialization;

namespace ImaHost.Cli;

/// <summary>A list, in <c>imahost reference list --json</c>.</summary>
/// <param name="Kind">"reference" or "package".</param>
/// <param name="NotAfter">The last second at which it vouches; null: it has no end.</param>
/// <param name="Note">What is in it and not heeded.</param>
/// <param name="Error">Why nothing of it is in force.</param>
sealed record ListedSource(
    string File, string Kind, string? Package, int Digests, string? NotAfter, bool InForce, string? Note, string? Error);

/// <summary>A file, in <c>imahost reference check --json</c>.</summary>
sealed record CheckedList(string File, int Digests, string? Note, string? Error);

/// <summary>The outcome of <c>imahost reference update --json</c>.</summary>
/// <param name="Lists">In force.</param>
/// <param name="Warnings">Lists that are not, and why.</param>
/// <param name="Host">What the running host answered: "ok" or an error; null: none runs.</param>
sealed record UpdatedReferences(int Lists, int Digests, IReadOnlyList<string> Warnings, string? Host);

/// <summary>A digest in a list, in <c>imahost reference find --json</c>.</summary>
/// <param name="WhyNot">Why it does not vouch for what was asked about; null: it does.</param>
sealed record FoundReference(string Digest, string File, int Line, string Kind, string? Package, string? WhyNot);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ListedSource[]))]
[JsonSerializable(typeof(CheckedList[]))]
[JsonSerializable(typeof(UpdatedReferences))]
[JsonSerializable(typeof(FoundReference[]))]
sealed partial class ReferenceJson : JsonSerializerContext;
