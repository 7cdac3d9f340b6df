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
    static readonly string[] Keys = [Version, Include, Rules];
    static readonly string[] RuleKeys = [Action, .. RuleOptions.NamesIn(PolicySyntax.Yaml)];

    readonly YamlEvents _events;
    readonly List<ImaRule> _rules = [];
    bool _failsSecurely;

    YamlPolicyReader(TextReader text, string source) => _events = new YamlEvents(text, source);

    /// <param name="source">A name for error messages: the file's path.</param>
    /// <exception cref="PolicyException">It is not understood; no rule of it is taken.</exception>
    public static PolicyRules Read(string text, string source)
    {
        using var characters = new StringReader(text);
        var reader = new YamlPolicyReader(characters, source);
        reader._events.ReadDocument("a policy", reader.ReadDocument);
        return new PolicyRules(reader._rules, reader._failsSecurely);
    }

    void ReadDocument()
    {
        MappingStart start = _events.Take<MappingStart>("a mapping with the keys version and rules");
        HashSet<string> seen = _events.ReadMapping(Keys, (key, place) =>
        {
            switch (key)
            {
                case Version:
                    (string version, PolicyPlace at) = _events.ReadScalar("a number");
                    YamlEvents.Require(version == "1", at, $"version \"{version}\" is not known here; 1 is");
                    break;
                case Include:
                    IncludeBuiltIns([.. _events.ReadItems().Select(Known)]);
                    break;
                default:
                    _events.ReadList("a list of rules", ReadRule);
                    break;
            }
        });
        YamlEvents.Require(seen.Contains(Version), _events.PlaceOf(start), "no \"version: 1\"");
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
        MappingStart start = _events.Take<MappingStart>("a rule, which is a mapping (action: measure, func: BPRM_CHECK)");
        ImaAction? action = null;
        var words = new List<RuleWord>();
        _ = _events.ReadMapping(RuleKeys, (key, place) =>
        {
            if (key == Action)
            {
                (string word, PolicyPlace at) = _events.ReadScalar("an action");
                action = ImaActions.Parse(word) ?? throw new PolicyException(
                    at, $"\"{word}\" is not an action; {Spelling.Hint(word, ImaActions.Names)}");
            }
            else if (ReadWord(RuleOptions.Find(key, PolicySyntax.Yaml)!, place) is { } word)
            {
                words.Add(word);
            }
        });
        _rules.Add(RuleChecks.Finish(action, words, _events.PlaceOf(start)));
    }

    /// <returns>Null: it is said not to be there.</returns>
    RuleWord? ReadWord(RuleOption option, PolicyPlace key)
    {
        List<(string Text, PolicyPlace Place)> items = _events.ReadItems();
        PolicyPlace place = items.Count > 0 ? items[0].Place : key;
        YamlEvents.Require(items.Count > 0, place, $"\"{option.Name}\" has no value");
        YamlEvents.Require(items.Count == 1 || option.Separator != null, place, $"\"{option.Name}\" takes one value");
        string text = items[0].Text;
        if (option.IsFlag)
        {
            YamlEvents.Require(text is "true" or "false", place, $"\"{option.Name}\" takes true or false");
            return text == "true" ? option.Read(new RuleValue(option, '=', [], PolicySyntax.Yaml)) : null;
        }

        char comparison = option.IsCompared && text is ['<' or '>' or '=', ..] ? text[0] : '=';
        string[] values = option.IsCompared && text is ['<' or '>' or '=', ..] ? [text[1..].Trim()]
            : option.Separator is { } separator && !option.IsExtension ? [.. items.SelectMany(item => item.Text.Split(separator))]
            : [.. items.Select(item => item.Text)];
        YamlEvents.Require(values.All(value => value.Length > 0), place, $"\"{option.Name}\" has an empty value");
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
}
