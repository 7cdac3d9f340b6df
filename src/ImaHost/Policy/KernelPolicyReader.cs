namespace ImaHost.Policy;

/// <summary>
/// Reads the kernel's rule language (ima_parse_rule): one rule a line, words separated by blanks, "#" comments. Our own
/// options are marked by "imahost." before them; in their values, blanks and bars are escaped as in mountinfo.
/// </summary>
static class KernelPolicyReader
{
    /// <summary>The longest text that is read.</summary>
    public const int MostBytes = 1 << 20;

    /// <param name="source">A name for error messages: the file's path.</param>
    /// <exception cref="PolicyException">Some line is not a rule; none is taken.</exception>
    public static List<ImaRule> Read(string text, string source)
    {
        var rules = new List<ImaRule>();
        int number = 0;
        foreach (Range range in text.AsSpan().Split('\n'))
        {
            number++;
            if (ReadRule(text[range].TrimEnd('\r'), source, number) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return rules;
    }

    /// <summary>Reads one line; null when it is empty or a comment.</summary>
    /// <param name="origin">What the rule names as its place; null: source and line.</param>
    /// <exception cref="PolicyException">The line is not a rule.</exception>
    public static ImaRule? ReadRule(string line, string source, int number, string? origin = null)
    {
        ImaAction? action = null;
        var words = new List<RuleWord>();
        int start = NextWord(line, 0);
        for (int at = start; at < line.Length && !(action == null && words.Count == 0 && line[at] == '#');)
        {
            int end = line.AsSpan(at).IndexOfAny(' ', '\t');
            end = end < 0 ? line.Length : at + end;
            try
            {
                ReadWord(line[at..end], ref action, words);
            }
            catch (FormatException e)
            {
                throw new PolicyException(new PolicyPlace(source, number, at + 1), e.Message);
            }

            at = NextWord(line, end);
        }

        return action == null && words.Count == 0
            ? null
            : RuleChecks.Finish(action, words, new PolicyPlace(source, number, start + 1), origin);
    }

    static int NextWord(string line, int at)
    {
        int skipped = line.AsSpan(at).IndexOfAnyExcept(' ', '\t');
        return skipped < 0 ? line.Length : at + skipped;
    }

    static void ReadWord(string word, ref ImaAction? action, List<RuleWord> words)
    {
        if (!Characters.CanBeShown(word))
        {
            throw new FormatException($"a word with {Characters.Odd}");
        }

        int end = word.AsSpan().IndexOfAny('=', '<', '>');
        string name = end < 0 ? word : word[..end];
        if (ImaActions.Parse(word) is { } found)
        {
            action = action == null ? found : throw new FormatException($"\"{word}\" is a second action");
            return;
        }

        RuleOption option = RuleOptions.Find(name, PolicySyntax.Kernel)
            ?? throw new FormatException(
                end < 0
                    ? $"\"{word}\" is neither an action nor a condition;"
                      + $" {Spelling.Hint(word, [.. ImaActions.Names, .. RuleOptions.NamesIn(PolicySyntax.Kernel)])}"
                    : $"\"{name}\" is not a condition; {Spelling.Hint(name, RuleOptions.NamesIn(PolicySyntax.Kernel))}");
        CheckOrder(option, action, words);
        words.Add(option.Read(new RuleValue(
            option, end < 0 ? '=' : word[end], Split(option, word, end), PolicySyntax.Kernel)));
    }

    /// <summary>What the kernel, which reads from left to right, wants to know before it reads an option.</summary>
    static void CheckOrder(RuleOption option, ImaAction? action, List<RuleWord> words)
    {
        if (words.Any(word => word.Option == option))
        {
            throw new FormatException($"\"{option.KernelName}\" is given twice");
        }

        if (option == RuleOptions.Template && action == null)
        {
            throw new FormatException("\"template\" follows the action");
        }

        if (option == RuleOptions.DigestType && words.Any(word => word.Option == RuleOptions.AppraiseType))
        {
            throw new FormatException("\"digest_type\" stands before appraise_type");
        }
    }

    static string[] Split(RuleOption option, string word, int end)
    {
        if (option.IsFlag)
        {
            return end < 0 ? [] : throw new FormatException($"\"{option.KernelName}\" takes no value");
        }

        if (end < 0 || end == word.Length - 1)
        {
            throw new FormatException($"\"{option.KernelName}\" has no value");
        }

        if (word[end] != '=' && !option.IsCompared)
        {
            throw new FormatException($"\"{option.KernelName}\" takes \"=\"");
        }

        string value = word[(end + 1)..];
        string[] items = option.Separator is { } separator ? value.Split(separator) : [value];
        if (items.Contains(""))
        {
            throw new FormatException($"\"{option.KernelName}\" has an empty value");
        }

        return option.IsExtension ? [.. items.Select(KernelPolicyText.Unescape)] : items;
    }
}
