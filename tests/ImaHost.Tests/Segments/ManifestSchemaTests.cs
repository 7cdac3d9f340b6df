using System.Diagnostics;
using System.Text.Json.Nodes;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Segments;

/// <summary>The JSON Schema of manifests says of real ones what is true, as another implementation of JSON Schema reads it.</summary>
public sealed class ManifestSchemaTests : IDisposable
{
    const string Validator = """
        import json, sys
        from jsonschema import Draft202012Validator
        schema = json.load(open(sys.argv[1]))
        Draft202012Validator.check_schema(schema)
        for path in sys.argv[2:]:
            errors = list(Draft202012Validator(schema).iter_errors(json.load(open(path))))
            print(path, *(error.json_path for error in errors))
        """;

    static readonly HashAlgorithm[] Banks =
    [
        HashAlgorithm.Sha1, HashAlgorithm.Sha256, HashAlgorithm.Sha384, HashAlgorithm.Sha512,
    ];

    readonly TpmList _list = new(Banks);
    static readonly ManifestQuote Quote = new(
        "YQ+/", "cw==", "aw==", 9, new PcrTable { ["sha256"] = new() { ["10"] = new string('0', 64) } });

    readonly TemporaryDirectory _copies = new();

    public ManifestSchemaTests()
    {
        _list.Settings = _list.Settings with { Limits = new SegmentLimits(4, long.MaxValue) };
        _list.Begin();
        for (int number = 0; number < 14; number++)
        {
            _ = _list.Add(Entry.Number(number) with { Pcr = number % 5 == 4 ? 17 : 10, IsViolation = number == 6 });
        }

        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", _ => Quote);
        Assert.Equal(3, sealer.SealClosed());
    }

    string List => _list.List.Log.Path;

    public void Dispose()
    {
        _list.Dispose();
        _copies.Dispose();
    }

    [Fact]
    public void Manifests_of_a_list_satisfy_the_schema()
    {
        string[] paths = [.. Enumerable.Range(0, 3).Select(number => SegmentFiles.Manifest(List, number))];
        Assert.Equal(paths, Validate(paths));
    }

    [Fact]
    public void Manifests_without_a_TPM_satisfy_the_schema()
    {
        using var bare = new ListFixture(segment: 2);
        Assert.Equal(StoreOutcome.Stored, bare.Add(Entry.Number(1)));
        Assert.Equal(StoreOutcome.Stored, bare.Add(Entry.Number(2)));
        using var sealer = new ListSealer(bare.List, bare.Settings, "1.2.3", quotes: null);
        Assert.Equal(1, sealer.SealClosed());
        string path = SegmentFiles.Manifest(bare.List.Log.Path, 0);
        Assert.Equal([path], Validate(path));
    }

    [Fact]
    public void What_is_no_manifest_does_not_satisfy_it_and_the_place_is_told()
    {
        (string Place, Action<JsonObject> Change)[] wrongs =
        [
            ("$.schema", one => one["schema"] = "imahost-segment/2"),
            ("$", one => one.Remove("entries")),
            ("$", one => one["more"] = 1),
            ("$.entries", one => one["entries"] = -1),
            ("$.pcr", one => one["pcr"] = 24),
            ("$.digest", one => one["digest"] = "sha256:00"),
            ("$.previous", one => one["previous"] = null),
            ("$.time", one => one["time"] = "2026-01-31"),
            ("$.boot_id", one => one["boot_id"] = "0"),
            ("$.padded[0]", one => one["padded"] = new JsonArray("md5")),
            ("$.pcrs_after", one => one["pcrs_after"]!["md5"] = new JsonObject()),
            ("$.pcrs_after.sha1", one => one["pcrs_after"]!["sha1"]!["10"] = "00"),
            ("$.pcrs_after.sha1", one => one["pcrs_after"]!["sha1"]!["24"] = new string('0', 40)),
            ("$.quote", one => one["quote"] = new JsonObject()),
            ("$.quote.entries", one => one["quote"]!["entries"] = -1),
            ("$.quote.pcrs", one => one["quote"]!["pcrs"]!["md5"] = new JsonObject()),
        ];
        JsonNode manifest = JsonNode.Parse(File.ReadAllText(SegmentFiles.Manifest(List, 1)))!;
        string[] paths =
        [
            .. wrongs.Select((wrong, number) =>
            {
                JsonObject changed = manifest.DeepClone().AsObject();
                wrong.Change(changed);
                return _copies.Write($"{number}.json", changed.ToJsonString());
            }),
        ];

        string[] said = Validate(paths);

        Assert.All(
            wrongs.Zip(paths, said),
            one => Assert.StartsWith($"{one.Second} {one.First.Place}", one.Third, StringComparison.Ordinal));
    }

    /// <returns>For each its path, and behind it the places that are wrong.</returns>
    static string[] Validate(params string[] paths)
    {
        using Process python = Process.Start(new ProcessStartInfo(
            "/usr/bin/python3", ["-c", Validator, Repository.Locate("docs", "segment-manifest.schema.json"), .. paths])
        {
            RedirectStandardOutput = true,
        })!;
        string said = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        Assert.Equal(0, python.ExitCode);
        return said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
