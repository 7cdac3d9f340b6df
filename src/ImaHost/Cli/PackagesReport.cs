using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Packages;

namespace ImaHost.Cli;

/// <summary>Counts what an import could vouch for, and says so.</summary>
sealed class ImportReport(string manager)
{
    readonly List<(PackageId Package, FileProblem Problem)> _problems = [];
    int _packages;
    int _files;

    /// <summary>Is there a file that is not what its package brought, or that others than root may write?</summary>
    public bool HasChangedFiles =>
        _problems.Any(one => one.Problem.Fault is FileFault.Changed or FileFault.NotRoots or FileFault.BadSignature);

    public void Add(ImportedPackage imported)
    {
        _packages++;
        _files += imported.List.Files.Count;
        _problems.AddRange(imported.Problems.Select(problem => (imported.List.Package, problem)));
    }

    public void Print(bool isVerbose, bool isJson)
    {
        if (isJson)
        {
            Console.WriteLine(JsonSerializer.Serialize(ToSummary(), PackagesJson.Default.ImportSummary));
            return;
        }

        foreach ((PackageId package, FileProblem problem) in isVerbose ? _problems : [])
        {
            Console.WriteLine($"{Describe(problem.Fault),-26} {ByteText.Show(problem.Path)} ({package.Title})");
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{manager}: {_packages} packages imported, {_files} files recorded"));
        foreach (IGrouping<FileFault, FileProblem> group in _problems.Select(one => one.Problem).GroupBy(one => one.Fault))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  not recorded: {group.Count()} {Describe(group.Key)}"));
        }
    }

    ImportSummary ToSummary() => new(
        manager, _packages, _files,
        [.. _problems.Select(one => new ImportProblem(
            one.Package.Name, one.Package.Version, one.Package.Architecture, ByteText.Show(one.Problem.Path),
            Describe(one.Problem.Fault)))]);

    static string Describe(FileFault fault) => fault switch
    {
        FileFault.None => "",
        FileFault.Missing => "missing",
        FileFault.Changed => "changed",
        FileFault.ChangedConffile => "changed configuration",
        FileFault.NotRegular => "not a regular file",
        FileFault.NotRoots => "not root's alone",
        FileFault.NoDigest => "without a digest",
        FileFault.Unreadable => "unreadable",
        FileFault.BadSignature => "signature refused",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

/// <summary>Says what came of recording and reconciling.</summary>
static class PackagesReport
{
    public static void Print(Recording recording, bool isJson)
    {
        recording.Problems.ToList().ForEach(CommandLine.Complain);
        if (isJson)
        {
            var summary = new RecordSummary(
                [.. recording.Lists.Select(list => new RecordedPackage(
                    list.Package.Name, list.Package.Version, list.Package.Architecture, list.Files.Count, list.Keys))],
                recording.Problems);
            Console.WriteLine(JsonSerializer.Serialize(summary, PackagesJson.Default.RecordSummary));
            return;
        }

        foreach (PackageList list in recording.Lists)
        {
            string keys = list.Keys.Count == 0 ? "" : $", signed by {string.Join(", ", list.Keys)}";
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{list.Package.Title}: {list.Files.Count} files recorded{keys}"));
        }
    }

    public static void Print(Reconciliation result, bool isJson)
    {
        result.Problems.ToList().ForEach(CommandLine.Complain);
        if (isJson)
        {
            var summary = new ReconcileSummary(result.Expiring, result.Returned, result.Deleted, result.Problems);
            Console.WriteLine(JsonSerializer.Serialize(summary, PackagesJson.Default.ReconcileSummary));
            return;
        }

        foreach ((string what, IReadOnlyList<string> lists) in ((string, IReadOnlyList<string>)[])
            [("expires", result.Expiring), ("stays", result.Returned), ("removed", result.Deleted)])
        {
            lists.ToList().ForEach(list => Console.WriteLine($"{what,-8} {list}"));
        }
    }
}

/// <summary>A file that was not recorded, in <c>imahost packages import --json</c>.</summary>
sealed record ImportProblem(string Package, string Version, string Architecture, string Path, string Problem);

/// <summary>The summary of <c>imahost packages import --json</c>.</summary>
sealed record ImportSummary(string Manager, int Packages, int Files, IReadOnlyList<ImportProblem> Problems);

/// <summary>An archive, in <c>imahost packages record --json</c>.</summary>
sealed record RecordedPackage(string Package, string Version, string Architecture, int Files, IReadOnlyList<string> Keys);

/// <summary>The summary of <c>imahost packages record --json</c>.</summary>
sealed record RecordSummary(IReadOnlyList<RecordedPackage> Recorded, IReadOnlyList<string> Problems);

/// <summary>The summary of <c>imahost packages reconcile --json</c>: names of lists.</summary>
sealed record ReconcileSummary(
    IReadOnlyList<string> Expiring, IReadOnlyList<string> Returned, IReadOnlyList<string> Deleted, IReadOnlyList<string> Problems);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ImportSummary))]
[JsonSerializable(typeof(RecordSummary))]
[JsonSerializable(typeof(ReconcileSummary))]
sealed partial class PackagesJson : JsonSerializerContext;
