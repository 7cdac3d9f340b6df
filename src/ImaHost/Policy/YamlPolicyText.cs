using System.Text;

namespace ImaHost.Policy;

/// <summary>Shows rules in YAML.</summary>
static class YamlPolicyText
{
    public static string Of(IEnumerable<ImaRule> rules)
    {
        var text = new StringBuilder("version: 1\nrules:\n");
        int before = text.Length;
        foreach (ImaRule rule in rules)
        {
            Append(rule, text);
        }

        return text.Length > before ? text.ToString() : "version: 1\nrules: []\n";
    }

    static void Append(ImaRule rule, StringBuilder text)
    {
        _ = text.Append("  - action: ").Append(rule.Action.Name()).Append('\n');
        foreach (RuleWord word in rule.Words)
        {
            _ = text.Append("    ").Append(word.Option.Name).Append(": ").Append(ValueOf(word)).Append('\n');
        }
    }

    static string ValueOf(RuleWord word)
    {
        if (word.Option.IsFlag)
        {
            return "true";
        }

        string comparison = word.Operator == '=' ? "" : word.Operator.ToString();
        string[] items = [.. word.YamlItems.Select(item => Quote(comparison + item))];
        return items.Length == 1 ? items[0] : $"[{string.Join(", ", items)}]";
    }

    /// <summary>Quotes whatever YAML might take for something else.</summary>
    static string Quote(string item) =>
        item.Length > 0 && (char.IsAsciiLetterOrDigit(item[0]) || item[0] is '/' or '^' or '_')
        && item.All(one => char.IsAsciiLetterOrDigit(one) || one is '/' or '^' or '_' or '.' or '-' or '=')
        && item is not ("true" or "false" or "null" or "yes" or "no")
            ? item
            : $"\"{item.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
