using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Appraisal;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Trees;

namespace ImaHost.Cli;

/// <summary>What <c>imahost audit</c> prints: each file as soon as it is judged, and at the end what came of all.</summary>
/// <param name="failed">Files that pass are not listed.</param>
sealed class AuditReport(Stream output, bool json, bool failed) : IDisposable
{
    const int MostGroups = 10;

    readonly StreamWriter _output = new(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    readonly AuditSummary _summary = new();
    readonly Lock _lock = new();

    /// <summary>Nothing would be denied.</summary>
    public bool IsClean => _summary.Of(AuditVerdict.Denied) == 0;

    public void Add(AuditResult result)
    {
        lock (_lock)
        {
            _summary.Add(result);
            bool isFailure = result.Verdict is AuditVerdict.Denied or AuditVerdict.Logged;
            if (isFailure || (!failed && result.Verdict == AuditVerdict.Passes))
            {
                var shown = AuditedEntry.Of(result);
                Write(json ? JsonSerializer.Serialize(shown, AuditJson.Default.AuditedEntry) : shown.ToText(), isFailure);
            }
        }
    }

    /// <summary>A file that could not be opened: it would be as unreadable for whoever needs it.</summary>
    public void AddProblem(string path, string cause)
    {
        lock (_lock)
        {
            var shown = new AuditedEntry(path, "failed", null, cause, null, null, null);
            Write(json ? JsonSerializer.Serialize(shown, AuditJson.Default.AuditedEntry) : shown.ToText(), flush: true);
        }
    }

    public void Finish(TreeProblems problems, bool isStopped)
    {
        var outcome = new AuditOutcome(
            _summary.Files, _summary.Of(AuditVerdict.Passes), _summary.Of(AuditVerdict.Denied),
            _summary.Of(AuditVerdict.Logged), _summary.Of(AuditVerdict.NotAsked), problems.Count, isStopped,
            _summary.Causes, _summary.Directories, _summary.Vouching);
        if (json)
        {
            Write(JsonSerializer.Serialize(outcome, AuditJson.Default.AuditOutcome), flush: true);
            return;
        }

        Write(string.Create(
            CultureInfo.InvariantCulture,
            $"audited    {outcome.Files} files: {outcome.Passes} pass, {outcome.Denied} would be denied, {outcome.Logged} would be logged, {outcome.NotAsked} that no rule appraises, {outcome.Failed} could not be opened"),
            flush: false);
        WriteGroups("cause", outcome.Causes);
        WriteGroups("directory", outcome.Directories);
        WriteGroups("vouching", outcome.Vouching);
        Write(isStopped ? "stopped    before the end" : null, flush: true);
    }

    public void Dispose() => _output.Dispose();

    void WriteGroups(string title, IReadOnlyDictionary<string, int> groups)
    {
        foreach ((string name, int count) in
            groups.OrderByDescending(one => one.Value).ThenBy(one => one.Key, StringComparer.Ordinal).Take(MostGroups))
        {
            Write(string.Create(CultureInfo.InvariantCulture, $"{title,-11}{count} {name}"), flush: false);
        }

        if (groups.Count > MostGroups)
        {
            Write(string.Create(CultureInfo.InvariantCulture, $"{title,-11}… and {groups.Count - MostGroups} more"), flush: false);
        }
    }

    /// <param name="flush">Somebody may wait for it.</param>
    void Write(string? line, bool flush)
    {
        if (line != null)
        {
            _output.Write(line + "\n");
        }

        if (flush)
        {
            _output.Flush();
        }
    }
}

/// <summary>One file of <c>imahost audit --json</c>.</summary>
/// <param name="Verdict">passes, denied, logged, or failed: it could not be opened.</param>
/// <param name="Cause">Null: it passes.</param>
/// <param name="By">Who vouches for it.</param>
sealed record AuditedEntry(
    string Path, string Verdict, string? Hook, string? Cause, string? By, string? Rule, string? Advice)
{
    public static AuditedEntry Of(AuditResult result)
    {
        string path = EntryName.ToText(result.Path);
        bool passes = result.Verdict == AuditVerdict.Passes;
        string by = string.Join('|', Vouchings.NamesOf(result.Finding.By));
        return new AuditedEntry(
            path, result.Verdict.ToString().ToLowerInvariant(), result.Hook.Name(),
            passes ? null : AuditSummary.CauseOf(result), passes ? by : null, result.Rule?.Origin,
            passes || result.Error != 0 ? null : AppraisalText.Advice(result.Finding.Outcome, result.Path, result.Finding.Check));
    }

    public string ToText() => Cause == null
        ? $"{Verdict,-8} \"{Path}\" hook={Hook} by={By}"
        : Rule == null
            ? $"{Verdict,-8} \"{Path}\" cause=\"{Cause}\""
            : $"{Verdict,-8} \"{Path}\" hook={Hook} cause={Cause} rule=\"{Rule}\": {Advice}";
}

/// <summary>The last line of <c>imahost audit --json</c>: numbers of files.</summary>
/// <param name="NotAsked">No rule appraises them.</param>
/// <param name="Failed">Could not be opened.</param>
/// <param name="Stopped">It was interrupted.</param>
sealed record AuditOutcome(
    int Files, int Passes, int Denied, int Logged, int NotAsked, int Failed, bool Stopped,
    IReadOnlyDictionary<string, int> Causes, IReadOnlyDictionary<string, int> Directories,
    IReadOnlyDictionary<string, int> Vouching);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuditedEntry))]
[JsonSerializable(typeof(AuditOutcome))]
sealed partial class AuditJson : JsonSerializerContext;
