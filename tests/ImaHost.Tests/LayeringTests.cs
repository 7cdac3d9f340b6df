using System.Text.RegularExpressions;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests;

/// <summary>A folder of src/ImaHost names only folders of earlier layers: docs/architecture.md, "The house".</summary>
public sealed partial class LayeringTests
{
    /// <summary>Folders of one layer do not name each other. Interop is a project of its own, below all.</summary>
    static readonly string[][] Layers =
    [
        ["Interop"],
        ["Crypto"],
        ["Template", "Tpm"],
        ["Policy"],
        ["Events", "Measurement", "Appraisal", "Segments"],
        ["Packages"],
        ["MeasurementList"],
        ["Engine", "Fs"],
        ["Trees"],
        ["Learning"],
        ["Daemon"],
        ["Cli"],
    ];

    static readonly string Product = Repository.Locate("src", "ImaHost");

    public static TheoryData<string> Folders =>
        [.. Directory.GetDirectories(Product).Select(path => Path.GetFileName(path)).Where(name => name is not ("bin" or "obj"))];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Folder_names_only_folders_of_earlier_layers(string folder)
    {
        int layer = LayerOf(folder);
        Assert.True(layer >= 0, $"{folder} stands in no layer: give it one in {nameof(LayeringTests)} and the architecture");
        string[] wrong =
        [
            .. from file in SourcesOf(folder)
               from named in FoldersNamedIn(File.ReadAllText(file)).Distinct()
               where named != folder && LayerOf(named) >= layer
               select $"{Path.GetRelativePath(Product, file)} names {named}",
        ];
        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Folder_is_the_namespace_of_its_files(string folder)
    {
        foreach (string file in SourcesOf(folder))
        {
            Assert.Contains($"\nnamespace ImaHost.{folder};\n", $"\n{File.ReadAllText(file)}", StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Interop_knows_nothing_of_the_layers_above_it()
    {
        foreach (string file in Sources(Repository.Locate("src", "Interop")))
        {
            Assert.DoesNotContain(FoldersNamedIn(File.ReadAllText(file)), named => named != "Interop");
        }
    }

    [Fact]
    public void Unsafe_code_is_allowed_in_Interop_alone()
    {
        string[] allowing =
        [
            .. Directory.EnumerateFiles(Repository.Root, "*.*", SearchOption.AllDirectories)
                .Where(path => Path.GetExtension(path) is ".csproj" or ".props" or ".targets" && !IsBuilt(path))
                .Where(path => File.ReadAllText(path).Contains("AllowUnsafeBlocks", StringComparison.Ordinal))
                .Select(path => Path.GetRelativePath(Repository.Root, path)),
        ];
        Assert.Equal([Path.Combine("src", "Interop", "Interop.csproj")], allowing);
    }

    [Theory]
    [InlineData("using ImaHost.Daemon;", "Daemon")]
    [InlineData("using static ImaHost.Cli.ExitStatus;", "Cli")]
    [InlineData("using Fuse = ImaHost.Fs.ImaFs;", "Fs")]
    [InlineData("global using ImaHost.Engine;", "Engine")]
    [InlineData("    var host = new ImaHost.Daemon.Launcher();", "Daemon")]
    [InlineData("    Daemon.Launcher.Launch();", "Daemon")]
    [InlineData("    List<Cli.CommandLine> all;", "Cli")]
    [InlineData("    Appraisal.Appraisal outcome;", "Appraisal")]
    [InlineData("    options.Daemon.Launcher();", null)]
    [InlineData("    Tpm.Transmit(1);", null)]
    [InlineData("    x = 1; // see ImaHost.Daemon.Launcher", null)]
    [InlineData("    /// <see cref=\"Daemon.Launcher\"/>", null)]
    public void These_tests_see_a_folder_that_is_named_in_any_way(string line, string? folder) =>
        Assert.Equal(folder == null ? [] : [folder], FoldersNamedIn(line).Distinct());

    /// <summary>Named in full, or by a namespace and a type in it: "Appraisal.AppraiseMode".</summary>
    static IEnumerable<string> FoldersNamedIn(string text)
    {
        text = Comment().Replace(text, "");
        IEnumerable<string> inFull = FullName().Matches(text).Select(match => match.Groups[1].Value);
        IEnumerable<string> byType = HalfName().Matches(text)
            .Where(match => LayerOf(match.Groups[1].Value) >= 0 && TypesOf(match.Groups[1].Value).Contains(match.Groups[2].Value))
            .Select(match => match.Groups[1].Value);
        return inFull.Concat(byType);
    }

    static int LayerOf(string folder) => Array.FindIndex(Layers, layer => layer.Contains(folder));

    static HashSet<string> TypesOf(string folder) =>
    [
        .. SourcesOf(folder).SelectMany(file => Declaration().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value),
    ];

    static IEnumerable<string> SourcesOf(string folder) =>
        Sources(folder == "Interop" ? Repository.Locate("src", folder) : Path.Combine(Product, folder));

    static IEnumerable<string> Sources(string directory) => Directory.Exists(directory)
        ? Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories).Where(path => !IsBuilt(path))
        : [];

    static bool IsBuilt(string path) =>
        Path.GetRelativePath(Repository.Root, path).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj");

    [GeneratedRegex(@"//.*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"(?<!namespace )\bImaHost\.(\w+)")]
    private static partial Regex FullName();

    [GeneratedRegex(@"(?<![\w.])(\w+)\.(\w+)")]
    private static partial Regex HalfName();

    [GeneratedRegex(@"^(?:public |sealed |static |abstract |partial |readonly |ref |unsafe )*(?:record struct|record|class|struct|enum|interface|delegate [\w<>?]+) (\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
