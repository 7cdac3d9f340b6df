using System.Text.Json.Serialization;
using ImaHost.Appraisal;

namespace ImaHost.Daemon;

/// <summary>A file that enforce would deny, as the record of decisions has it.</summary>
/// <param name="Cause">In the kernel's word.</param>
/// <param name="Count">Accesses.</param>
sealed record WouldDenyFile(
    string Path, string Cause, string? Rule, string? Digest, long Count, DateTime Last, string? Package);

/// <param name="Count">Accesses of all its files.</param>
sealed record WouldDenyDirectory(string Directory, long Count, IReadOnlyList<WouldDenyFile> Files);

/// <summary>What enforce would deny, for who is about to switch to it: <c>imahost status --would-deny</c>.</summary>
/// <param name="Dropped">Decisions that are not in the record.</param>
sealed record WouldDenyReport(int Files, long Count, long Dropped, IReadOnlyList<WouldDenyDirectory> Directories)
{
    /// <summary>Code without a verdict that the BPF programs have told the running host of.</summary>
    public IReadOnlyList<CodeRefusal> Code { get; init; } = [];

    /// <summary>What was allowed since is no trouble any more.</summary>
    public static WouldDenyReport Of(DecisionHistory history)
    {
        var found = new SortedDictionary<string, WouldDenyFile>(StringComparer.Ordinal);
        foreach (DecisionRecord record in history.Records)
        {
            if (record.IsAllowed)
            {
                _ = found.Remove(record.Path!);
            }
            else if (record.IsDenial)
            {
                long before = found.TryGetValue(record.Path!, out WouldDenyFile? one) ? one.Count : 0;
                found[record.Path!] = new WouldDenyFile(
                    record.Path!, record.Cause ?? "", record.Origin, record.Digest, before + record.Count, record.Latest, record.Package);
            }
        }

        Dictionary<string, string> packages = PackageOwner.FindNames([.. found.Keys]);
        WouldDenyDirectory[] directories =
        [
            .. from file in found.Values
               group file with { Package = file.Package ?? packages.GetValueOrDefault(file.Path) }
                   by Path.GetDirectoryName(file.Path) ?? "/" into directory
               select new WouldDenyDirectory(directory.Key, directory.Sum(file => file.Count), [.. directory]),
        ];
        return new WouldDenyReport(
            found.Count, directories.Sum(directory => directory.Count), history.Dropped, directories);
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(WouldDenyReport))]
sealed partial class WouldDenyJson : JsonSerializerContext;
