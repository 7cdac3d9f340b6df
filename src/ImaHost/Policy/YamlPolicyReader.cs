using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ImaHost.Policy;

/// <summary>What a policy file holds.</summary>
/// <param name="FailsSecurely">It includes the built-in policy of that name, which has no rules.</param>
sealed record PolicyRules(IReadOnlyList<ImaRule> Rules, bool FailsSecurely = false);

/// <summary>
/// Reads a policy in YAML: "version: 1", "include: [tcb]", whose rules stand where it stands, and "rules:", a list of
/// mappings whose keys are the words of the kernel's language. It is read event by event, each value once: what refers
/// to other places (anchors, aliases, tags) is refused, so that no text is longer than it looks.
/// </summary>
sealed class YamlPolicyReader
{
    const string Version = "version";
    const string Include = "include";
    const string Rules = "rules";
    const string Action = "action";
    static readonly string[] Signs = ["block scalar", "anchor or alias", "tag"];
    static readonly string[] Keys = [Version, Include, Rules];
    static readonly string[] RuleKeys = [Action, .. RuleOptions.NamesIn(PolicySyntax.Yaml)];

    readonly Parser _parser;
    readonly string _source;
    readonly List<ImaRule> _rules = [];
    bool _failsSecurely;

    YamlPolicyReader(TextReader text, string source)
    {
        _parser = new Parser(text);
        _source = source;
    }

    /// <param name="source">A name for error messages: the file's path.</param>
    /// <exception cref="PolicyException">It is not understood; no rule of it is taken.</exception>
    public static PolicyRules Read(string text, string source)
    {
        using var characters = new StringReader(text);
        var reader = new YamlPolicyReader(characters, source);
        try
        {
            reader.ReadStream();
        }
        catch (YamlException e)
        {
            throw new PolicyException(new PolicyPlace(source, e.Start.Line, e.Start.Column), Explain(e.Message));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet stumbles over some damage instead of saying what it is.
            Mark end = reader._parser.Current?.End ?? Mark.Empty;
            throw new PolicyException(new PolicyPlace(source, end.Line, end.Column), "what follows here is not YAML");
        }

        return new PolicyRules(reader._rules, reader._failsSecurely);
    }

    /// <summary>"uid: &gt;999" and "path: *" are what the kernel's words look like to who does not know YAML.</summary>
    static string Explain(string error) =>
        Signs.Any(sign => error.Contains(sign, StringComparison.Ordinal))
            ? $"{error} A value that begins with >, *, & or ! stands in quotes."
            : error;

    void ReadStream()
    {
        _ = Take<StreamStart>("YAML");
        if (_parser.Current is StreamEnd)
        {
            throw new PolicyException(new PolicyPlace(_source), "an empty file; a policy begins with \"version: 1\"");
        }

        _ = Take<DocumentStart>("a document");
        ReadDocument();
        _ = Take<DocumentEnd>("the document's end");
        _ = Take<StreamEnd>("no second document");
    }

    void ReadDocument()
    {
        MappingStart start = Take<MappingStart>("a mapping with the keys version and rules");
        HashSet<string> seen = ReadMapping(Keys, (key, place) =>
        {
            switch (key)
            {
                case Version:
                    (string version, PolicyPlace at) = ReadScalar("a number");
                    Require(version == "1", at, $"version \"{version}\" is not known here; 1 is");
                    break;
                case Include:
                    IncludeBuiltIns([.. ReadItems().Select(Known)]);
                    break;
                default:
                    ReadList("a list of rules", ReadRule);
                    break;
            }
        });
        Require(seen.Contains(Version), PlaceOf(start), "no \"version: 1\"");
    }

    void IncludeBuiltIns(string[] names)
    {
        _rules.AddRange(BuiltInPolicies.RulesOf(names));
        _failsSecurely |= names.Contains(BuiltInPolicies.FailSecurely);
    }

    string Known((string Name, PolicyPlace Place) item)
    {
        return BuiltInPolicies.Names.Contains(item.Name)
            ? item.Name
            : throw new PolicyException(
                item.Place,
                $"\"{item.Name}\" is not a built-in policy; {Spelling.Hint(item.Name, BuiltInPolicies.Names)}");
    }

    void ReadRule()
    {
        MappingStart start = Take<MappingStart>("a rule, which is a mapping (action: measure, func: BPRM_CHECK)");
        ImaAction? action = null;
        var words = new List<RuleWord>();
        _ = ReadMapping(RuleKeys, (key, place) =>
        {
            if (key == Action)
            {
                (string word, PolicyPlace at) = ReadScalar("an action");
                action = ImaActions.Parse(word) ?? throw new PolicyException(
                    at, $"\"{word}\" is not an action; {Spelling.Hint(word, ImaActions.Names)}");
            }
            else if (ReadWord(RuleOptions.Find(key, PolicySyntax.Yaml)!, place) is { } word)
            {
                words.Add(word);
            }
        });
        _rules.Add(RuleChecks.Finish(action, words, PlaceOf(start)));
    }

    /// <returns>Null: it is said not to be there.</returns>
    RuleWord? ReadWord(RuleOption option, PolicyPlace key)
    {
        List<(string Text, PolicyPlace Place)> items = ReadItems();
        PolicyPlace place = items.Count > 0 ? items[0].Place : key;
        Require(items.Count > 0, place, $"\"{option.Name}\" has no value");
        Require(items.Count == 1 || option.Separator != null, place, $"\"{option.Name}\" takes one value");
        string text = items[0].Text;
        if (option.IsFlag)
        {
            Require(text is "true" or "false", place, $"\"{option.Name}\" takes true or false");
            return text == "true" ? option.Read(new RuleValue(option, '=', [], PolicySyntax.Yaml)) : null;
        }

        char comparison = option.IsCompared && text is ['<' or '>' or '=', ..] ? text[0] : '=';
        string[] values = option.IsCompared && text is ['<' or '>' or '=', ..] ? [text[1..].Trim()]
            : option.Separator is { } separator && !option.IsExtension ? [.. items.SelectMany(item => item.Text.Split(separator))]
            : [.. items.Select(item => item.Text)];
        Require(values.All(value => value.Length > 0), place, $"\"{option.Name}\" has an empty value");
        try
        {
            return option.Read(new RuleValue(option, comparison, values, PolicySyntax.Yaml));
        }
        catch (FormatException e)
        {
            int wrong = items.FindIndex(item => e.Message.StartsWith($"\"{item.Text}\"", StringComparison.Ordinal));
            throw new PolicyException(items[Math.Max(wrong, 0)].Place, $"{option.Name}: {e.Message}");
        }
    }

    /// <summary>Reads a mapping to its end, each key once.</summary>
    /// <returns>The keys there were.</returns>
    HashSet<string> ReadMapping(IReadOnlyCollection<string> known, Action<string, PolicyPlace> readValue)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (_parser.Current is not MappingEnd)
        {
            (string key, PolicyPlace place) = ReadScalar("a key");
            if (!known.Contains(key))
            {
                throw new PolicyException(place, $"unknown key \"{key}\"; {Spelling.Hint(key, known)}");
            }

            Require(seen.Add(key), place, $"\"{key}\" is given twice");
            readValue(key, place);
        }

        _ = Take<MappingEnd>("the mapping's end");
        return seen;
    }

    void ReadList(string expected, Action readItem)
    {
        _ = Take<SequenceStart>(expected);
        while (_parser.Current is not SequenceEnd)
        {
            readItem();
        }

        _ = Take<SequenceEnd>("the list's end");
    }

    /// <summary>A value, or a list of values.</summary>
    List<(string Text, PolicyPlace Place)> ReadItems()
    {
        var items = new List<(string, PolicyPlace)>();
        if (_parser.Current is SequenceStart)
        {
            ReadList("values", () => items.Add(ReadScalar("a value")));
        }
        else
        {
            items.Add(ReadScalar("a value"));
        }

        return items;
    }

    (string Text, PolicyPlace Place) ReadScalar(string expected)
    {
        Scalar scalar = Take<Scalar>(expected);
        PolicyPlace place = PlaceOf(scalar);
        Require(Characters.CanBeShown(scalar.Value), place, $"{expected} with {Characters.Odd}");
        return (scalar.Value, place);
    }

    /// <summary>The event that is there, if it is of that kind and stands for itself; the next one takes its place.</summary>
    T Take<T>(string expected)
        where T : ParsingEvent
    {
        if (_parser.Current == null)
        {
            _ = _parser.MoveNext();
        }

        ParsingEvent current = _parser.Current!;
        Require(
            current is not AnchorAlias and not NodeEvent { Anchor.IsEmpty: false }, PlaceOf(current),
            "anchors (&) and aliases (*) are not taken; a value that begins so stands in quotes");
        Require(current is not NodeEvent { Tag.IsEmpty: false }, PlaceOf(current), "tags (!) are not taken");
        Require(current is T, PlaceOf(current), $"{expected} is expected here");
        _ = _parser.MoveNext();
        return (T)current;
    }

    PolicyPlace PlaceOf(ParsingEvent one) => new(_source, one.Start.Line, one.Start.Column);

    static void Require(bool holds, PolicyPlace place, string message)
    {
        if (!holds)
        {
            throw new PolicyException(place, message);
        }
    }
}
