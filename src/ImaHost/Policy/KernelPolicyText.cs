using System.Text;

namespace ImaHost.Policy;

/// <summary>Shows rules in the kernel's language (ima_policy_show), one a line.</summary>
static class KernelPolicyText
{
    /// <summary>What cannot stand in a word, and how it does: as in mountinfo.</summary>
    static readonly (char Character, string Escape)[] Escapes =
        [('\\', "\\134"), (' ', "\\040"), ('\t', "\\011"), ('|', "\\174")];

    public static string Of(IEnumerable<ImaRule> rules) => string.Concat(rules.Select(rule => $"{rule}\n"));

    public static string Of(ImaRule rule)
    {
        var text = new StringBuilder(rule.Action.Name());
        foreach (RuleWord word in rule.Words)
        {
            RuleOption option = word.Option;
            _ = text.Append(' ').Append(option.KernelName);
            if (!option.IsFlag)
            {
                IEnumerable<string> items = option.IsExtension ? word.Items.Select(Escape) : word.Items;
                _ = text.Append(word.Operator).AppendJoin(option.Separator ?? ' ', items);
            }
        }

        return text.ToString();
    }

    static string Escape(string item) => Escapes.Aggregate(
        item, (text, one) => text.Replace($"{one.Character}", one.Escape, StringComparison.Ordinal));

    /// <summary>What <see cref="Escape"/> wrote.</summary>
    public static string Unescape(string item) => Escapes.Reverse().Aggregate(
        item, (text, one) => text.Replace(one.Escape, $"{one.Character}", StringComparison.Ordinal));
}
