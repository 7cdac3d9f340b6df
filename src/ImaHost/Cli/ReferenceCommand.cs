using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using ImaHost.Appraisal;
using ImaHost.Daemon;
using ImaHost.Policy;

namespace ImaHost.Cli;

/// <summary><c>imahost reference</c>: lists of digests that vouch for files.</summary>
static class ReferenceCommand
{
    static readonly Option<string?> Config = new("--config")
    {
        Description = $"the configuration file ({DaemonCommand.DefaultConfiguration})",
    };

    static readonly Option<string?> State = new("--state")
    {
        Description = "the state directory, in which the index is; else that of the configuration",
    };

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Argument<string[]> Files = new("file")
    {
        Description = $"lists: *{string.Join(", *", ReferenceLists.Endings)}",
        Arity = ArgumentArity.OneOrMore,
    };

    static readonly Argument<string> What = new("digest|path")
    {
        Description = "a digest (sha256:HEX, HEX, verity:sha256:HEX), or a file",
    };

    public static Command Create()
    {
        var list = new Command("list", "Show the lists, and which of them are in force.") { Json, Config, State };
        list.SetAction(List);
        var update = new Command("update", "Bring the index up to date, and have the running host use it.") { Json, Config, State };
        update.SetAction(Update);
        var check = new Command("check", "Say whether lists are understood.") { Files, Json, Config, State };
        check.SetAction(Check);
        var find = new Command("find", "Say which lists vouch for a file or a digest.") { What, Json, Config, State };
        find.SetAction(parsed => ReferenceSearch.Run(SettingsOf(parsed), parsed.GetValue(What)!, parsed.GetValue(Json)));
        return new Command("reference", "Check, show, search and load lists of reference digests.") { list, update, check, find };
    }

    static ReferenceSettings SettingsOf(ParseResult parsed) => ReferenceSources.SettingsOf(OptionsOf(parsed));

    static DaemonOptions OptionsOf(ParseResult parsed)
    {
        string? config = parsed.GetValue(Config);
        DaemonOptions options = ConfigurationFile.Read(config ?? DaemonCommand.DefaultConfiguration, required: config != null);
        return options with { State = parsed.GetValue(State) ?? options.State };
    }

    static int List(ParseResult parsed)
    {
        ReferenceIndex index = Index(SettingsOf(parsed));
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        ListedSource[] sources = [.. index.Sources.Select(source => Describe(source, now))];
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(sources, ReferenceJson.Default.ListedSourceArray));
            return ExitStatus.Yes;
        }

        foreach (ListedSource source in sources)
        {
            Console.WriteLine(source.Error ?? string.Create(
                CultureInfo.InvariantCulture,
                $"{source.File}: {source.Digests} digests{Of(source)}, {(source.InForce ? "in force" : "expired")}{Until(source)}"));
        }

        return ExitStatus.Yes;
    }

    /// <summary>The index as it is, which a list may have outrun.</summary>
    public static ReferenceIndex Index(ReferenceSettings settings)
    {
        ReferenceIndex? index = new ReferenceStore(settings).Peek(out bool isUpToDate);
        if (!isUpToDate)
        {
            CommandLine.Complain(index == null
                ? $"there is no index at {settings.IndexPath} yet: imahost reference update"
                : "lists have changed since the index was built: imahost reference update");
        }

        return index ?? ReferenceIndex.Empty;
    }

    static int Update(ParseResult parsed)
    {
        DaemonOptions options = OptionsOf(parsed);
        var store = new ReferenceStore(ReferenceSources.SettingsOf(options));
        IReadOnlyList<string> warnings = store.Refresh();
        string? answer = AskHost(options.State);
        var result = new UpdatedReferences(
            store.Current.Sources.Count(source => source.Error == null), store.Current.Count, warnings, answer);
        foreach (string warning in warnings)
        {
            CommandLine.Complain(warning);
        }

        Console.WriteLine(parsed.GetValue(Json)
            ? JsonSerializer.Serialize(result, ReferenceJson.Default.UpdatedReferences)
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{result.Lists} lists, {result.Digests} digests; {Words(answer)}"));
        return warnings.Count == 0 && answer is null or "ok" ? ExitStatus.Yes : ExitStatus.No;
    }

    /// <returns>The last line that the host answers; null: none runs.</returns>
    static string? AskHost(string state)
    {
        try
        {
            return ControlSocket.Ask(state, VoucherLoader.Request).TrimEnd('\n').Split('\n')[^1];
        }
        catch (SocketException)
        {
            return null;
        }
    }

    static string Words(string? answer) => answer switch
    {
        null => "no host is running",
        "ok" => "the running host has them in force",
        _ => $"the running host answers: {answer}",
    };

    static int Check(ParseResult parsed)
    {
        ReferenceSettings settings = SettingsOf(parsed);
        CheckedList[] lists = [.. parsed.GetValue(Files)!.Select(file => CheckOne(settings, Path.GetFullPath(file), file))];
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(lists, ReferenceJson.Default.CheckedListArray));
        }

        foreach (CheckedList list in lists)
        {
            if (list.Error != null)
            {
                CommandLine.Complain(list.Error);
            }
            else if (!parsed.GetValue(Json))
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{list.File}: {list.Digests} digests"));
            }

            if (list.Note != null)
            {
                CommandLine.Complain($"{list.File}: {list.Note}");
            }
        }

        return lists.All(list => list.Error == null) ? ExitStatus.Yes : ExitStatus.No;
    }

    static CheckedList CheckOne(ReferenceSettings settings, string path, string shown)
    {
        bool isPackage = Path.GetDirectoryName(path) == Path.GetFullPath(settings.Packages);
        var stamp = new ListStamp(FileMark.Of(path), default, 0);
        var source = new ReferenceSource(isPackage ? Vouching.Package : Vouching.Reference, shown, stamp);
        try
        {
            var draft = new ListDraft(source, 0, new RowBuffer(), new PathTag(new byte[PathTag.SaltBytes]), settings.Limit);
            ReferenceSource read = ReferenceLists.Read(draft, isPackage ? null : settings.Keys, settings.Limit);
            return new CheckedList(shown, read.Count, read.Note, Error: null);
        }
        catch (PolicyException e)
        {
            return new CheckedList(shown, 0, null, e.Message);
        }
    }

    static ListedSource Describe(ReferenceSource source, long now) => new(
        source.File,
        string.Join("", Vouchings.NamesOf(source.Kind)),
        source.Package?.ToString(),
        source.Count,
        source.NotAfter is { } last ? Time(last) : null,
        source.Error == null && !source.IsOverAt(now),
        source.Note,
        source.Error);

    /// <summary>"2026-11-30 09:00:00Z".</summary>
    public static string Time(long unixSeconds) => unixSeconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()
        ? "never"
        : DateTimeOffset.FromUnixTimeSeconds(unixSeconds).ToString("u", CultureInfo.InvariantCulture);

    static string Of(ListedSource source) => source.Package == null ? "" : $" of {source.Package}";

    static string Until(ListedSource source) => source.NotAfter == null ? "" : $" until {source.NotAfter}";
}
