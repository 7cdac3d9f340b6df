using System.Globalization;
using ImaHost.Template;

namespace ImaHost.Policy;

/// <summary>A policy that is not understood, with the place that says why.</summary>
sealed class PolicyException(string origin, string message) : FormatException($"{origin}: {message}");

/// <summary>
/// Reads the kernel's rule language (ima_parse_rule): one rule a line, words separated by blanks, "#" comments. Read so
/// far: the actions measure and appraise with their negations, func, mask, fsmagic, uid, euid, gid, egid, fowner,
/// fgroup, pcr and template. Any other word is refused with its place rather than ignored.
/// </summary>
static class KernelPolicyReader
{
    /// <param name="source">A name for error messages: the file's path.</param>
    /// <exception cref="PolicyException">Some line is not a rule; none is taken.</exception>
    public static ImaPolicy Read(string text, string source)
    {
        var rules = new List<ImaRule>();
        int number = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (ReadRule(line, string.Create(CultureInfo.InvariantCulture, $"{source}:{number}")) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return new ImaPolicy(rules);
    }

    /// <summary>Reads one line; null when it is empty or a comment.</summary>
    /// <param name="origin">What the rule and errors name as its place.</param>
    /// <exception cref="PolicyException">The line is not a rule.</exception>
    public static ImaRule? ReadRule(ReadOnlySpan<char> line, string origin)
    {
        string[] words = line.ToString().Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0 || words[0].StartsWith('#'))
        {
            return null;
        }

        ImaRule rule = new(ReadAction(words[0], origin)) { Origin = origin };
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string word in words.Skip(1))
        {
            int end = word.AsSpan().IndexOfAny('=', '<', '>');
            if (end <= 0 || end == word.Length - 1)
            {
                throw new PolicyException(origin, $"\"{word}\" is not a condition (name=value)");
            }

            if (!seen.Add(word[..end]))
            {
                throw new PolicyException(origin, $"\"{word[..end]}\" is given twice");
            }

            rule = AddCondition(rule, word[..end], word[end], word[(end + 1)..], origin);
        }

        return rule;
    }

    static ImaAction ReadAction(string word, string origin) => word switch
    {
        "measure" => ImaAction.Measure,
        "dont_measure" => ImaAction.DontMeasure,
        "appraise" => ImaAction.Appraise,
        "dont_appraise" => ImaAction.DontAppraise,
        _ => throw new PolicyException(
            origin, $"\"{word}\" is not an action that is known here (measure, dont_measure, appraise, dont_appraise)"),
    };

    static ImaRule AddCondition(ImaRule rule, string name, char comparison, string value, string origin)
    {
        if (comparison != '=' && name is "func" or "mask" or "fsmagic" or "pcr" or "template")
        {
            throw new PolicyException(origin, $"\"{name}\" takes \"=\"");
        }

        return name switch
        {
            "func" => rule with
            {
                Func = ImaHooks.Parse(value)
                    ?? throw new PolicyException(
                        origin, $"func={value} is not a hook that is seen here (FILE_CHECK, MMAP_CHECK, BPRM_CHECK)"),
            },
            "mask" => AddMask(rule, value, origin),
            "fsmagic" => rule with { FsMagic = ReadHex(value, origin) },
            "pcr" => rule with { Pcr = ReadPcr(rule, value, origin) },
            "template" => rule with { Template = ReadTemplate(rule, value, origin) },
            "uid" => rule with { Uid = ReadId(name, comparison, value, origin) },
            "euid" => rule with { Euid = ReadId(name, comparison, value, origin) },
            "gid" => rule with { Gid = ReadId(name, comparison, value, origin) },
            "egid" => rule with { Egid = ReadId(name, comparison, value, origin) },
            "fowner" => rule with { Fowner = ReadId(name, comparison, value, origin) },
            "fgroup" => rule with { Fgroup = ReadId(name, comparison, value, origin) },
            _ => throw new PolicyException(origin, $"\"{name}\" is not a condition that is known here"),
        };
    }

    static ImaRule AddMask(ImaRule rule, string value, string origin)
    {
        bool includes = value.StartsWith('^');
        AccessMask mask = value.AsSpan(includes ? 1 : 0) switch
        {
            "MAY_EXEC" => AccessMask.Exec,
            "MAY_READ" => AccessMask.Read,
            _ => throw new PolicyException(origin, $"mask={value} is not seen here (MAY_EXEC, MAY_READ)"),
        };
        return rule with { Mask = mask, MaskIncludes = includes };
    }

    static long ReadHex(string value, string origin)
    {
        ReadOnlySpan<char> digits = value.StartsWith("0x", StringComparison.Ordinal) ? value.AsSpan(2) : value;
        return long.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long magic)
            ? magic
            : throw new PolicyException(origin, $"fsmagic={value} is not a hexadecimal number");
    }

    static int ReadPcr(ImaRule rule, string value, string origin)
    {
        const int last = 23; // of a TPM: PC Client Platform TPM Profile, section 4.6
        RequireMeasure(rule, "pcr", origin);
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int pcr) && pcr <= last
            ? pcr
            : throw new PolicyException(origin, $"pcr={value} is not a PCR (0 to {last})");
    }

    static TemplateDescriptor ReadTemplate(ImaRule rule, string value, string origin)
    {
        RequireMeasure(rule, "template", origin);
        return TemplateDescriptor.FindForRule(value)
            ?? throw new PolicyException(
                origin, $"template={value} is not a template ({string.Join(", ", TemplateDescriptor.Names)}, or fields with |)");
    }

    static void RequireMeasure(ImaRule rule, string name, string origin)
    {
        if (rule.Action != ImaAction.Measure)
        {
            throw new PolicyException(origin, $"\"{name}\" belongs to the action measure");
        }
    }

    static IdCondition ReadId(string name, char comparison, string value, string origin) =>
        uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out uint id)
            ? new IdCondition(comparison, id)
            : throw new PolicyException(origin, $"{name}{comparison}{value} is not a decimal number");
}
