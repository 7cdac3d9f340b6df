using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Policy;

/// <summary>
/// Reads IMA's parameters one by one, in the order and with the consequences that they have in the kernel: of some the
/// first one that is valid wins, of others the last one.
/// </summary>
/// <param name="prefix">What stands before their names, for messages; nothing: they are the kernel's own.</param>
sealed class KernelParameters(string prefix)
{
    const string Policy = "ima_policy";
    const string Tcb = "tcb";
    const string OldTcb = "ima_tcb";
    const string AppraiseTcb = "appraise_tcb";

    static readonly string[] KernelPolicies =
        [Tcb, AppraiseTcb, "secure_boot", "critical_data", BuiltInPolicies.FailSecurely];

    static readonly string[] Modes = ["off", "log", "fix", "enforce"];
    static readonly string[] Known =
        ["ima", Policy, OldTcb, "ima_appraise_tcb", "ima_template", "ima_template_fmt", "ima_hash", "ima_appraise"];

    readonly List<string> _warnings = [];
    List<string>? _policies;
    TemplateDescriptor? _template;
    HashAlgorithm? _hash;
    bool? _isOn;
    string? _appraise;

    bool IsOurs => prefix.Length > 0;

    /// <param name="name">With "_" for "-".</param>
    /// <param name="value">Null: there is no "=".</param>
    public void Take(string name, string? value)
    {
        switch (name, value)
        {
            case ("ima", { } word):
                TakeSwitch(word);
                break;
            case (Policy, { } names):
                TakePolicies(names);
                break;
            case ("ima_hash", { } word):
                TakeHash(word);
                break;
            case ("ima_template", { } word):
                TakeTemplate(name, word, FindNamed(word));
                break;
            case ("ima_template_fmt", { } word):
                TakeTemplate(name, word, FindFormat(word));
                break;
            case ("ima_appraise", { } word):
                _appraise = word;
                break;
            default:
                TakeFlag(name);
                break;
        }
    }

    public KernelCommandLine Finish() => new()
    {
        IsOn = _isOn,
        Policies = _policies,
        Template = _template?.Name,
        Hash = _hash?.Name,
        Appraise = FindMode(),
        Warnings = _warnings,
    };

    /// <summary>ima_setup: each one counts, and its first letters decide.</summary>
    void TakeSwitch(string word)
    {
        bool isOff = word.StartsWith("off", StringComparison.Ordinal);
        if (isOff || word.StartsWith("on", StringComparison.Ordinal))
        {
            _isOn = !isOff;
        }
        else
        {
            Warn("ima", word, "is neither \"on\" nor \"off\"");
        }
    }

    /// <summary>policy_setup: several add up, but of "tcb" and "ima_tcb" the first one wins.</summary>
    void TakePolicies(string names)
    {
        _policies ??= [];
        IReadOnlyCollection<string> known = IsOurs ? BuiltInPolicies.Names : KernelPolicies;
        foreach (string name in names.Split([' ', '|', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (known.Contains(name))
            {
                AddPolicy(name);
            }
            else
            {
                Warn(Policy, name, $"is not a built-in policy; {Spelling.Hint(name, known)}");
            }
        }
    }

    void AddPolicy(string name)
    {
        string? rival = name switch
        {
            Tcb => OldTcb,
            OldTcb => Tcb,
            _ => null,
        };
        _policies ??= [];
        if (rival != null && _policies.Contains(rival))
        {
            Warn(Policy, name, $"is ignored after {rival}");
        }
        else if (!_policies.Contains(name))
        {
            _policies.Add(name);
        }
    }

    /// <summary>hash_setup: the first that is valid. The template "ima" has room for SHA-1 alone.</summary>
    void TakeHash(string word)
    {
        HashAlgorithm? found = HashAlgorithm.FromName(word);
        if (found == null)
        {
            string[] known = [.. HashAlgorithm.All.Select(one => one.Name)];
            Warn("ima_hash", word, $"is not a hash; {Spelling.Hint(word, known)}");
        }
        else if (_hash == null && _template == TemplateDescriptor.Ima && found != HashAlgorithm.Sha1)
        {
            Warn("ima_hash", word, "is not for the template ima, which takes sha1");
        }
        else
        {
            _hash ??= found;
        }
    }

    /// <summary>ima_template_setup, ima_template_fmt_setup: the first that is valid.</summary>
    void TakeTemplate(string parameter, string word, TemplateDescriptor? found)
    {
        if (found == null)
        {
            Warn(parameter, word, $"is not a template; {Spelling.Hint(word, [.. TemplateDescriptor.Names])}");
        }
        else if (_template == null && found == TemplateDescriptor.Ima && _hash != null && _hash != HashAlgorithm.Sha1)
        {
            Warn(parameter, word, $"takes the hash sha1, not {_hash}");
        }
        else
        {
            _template ??= found;
        }
    }

    /// <summary>lookup_template_desc: one that has a name, by that or by its format.</summary>
    static TemplateDescriptor? FindNamed(string word) =>
        TemplateDescriptor.FindForRule(word) is { } found && TemplateDescriptor.Names.Contains(found.Name)
            ? found
            : null;

    /// <summary>template_desc_init_fields: fields, and no name.</summary>
    static TemplateDescriptor? FindFormat(string word) =>
        TemplateDescriptor.Names.Contains(word) ? null : TemplateDescriptor.Find(word);

    /// <summary>Of these the kernel looks at the beginning alone (obsolete_checksetup).</summary>
    void TakeFlag(string name)
    {
        if (name.StartsWith(OldTcb, StringComparison.Ordinal))
        {
            AddPolicy(OldTcb);
        }
        else if (name.StartsWith("ima_appraise_tcb", StringComparison.Ordinal))
        {
            AddPolicy(AppraiseTcb);
        }
        else if (IsOurs)
        {
            _warnings.Add(Known.Contains(name)
                ? $"{prefix}{name} has no value"
                : $"{prefix}{name} is not known; {Spelling.Hint(name, Known)}");
        }
    }

    /// <summary>ima_appraise_parse_cmdline: the last one, valid or not; its first letters decide.</summary>
    string? FindMode()
    {
        if (_appraise is not { } word)
        {
            return null;
        }

        string? mode = Modes.FirstOrDefault(mode => word.StartsWith(mode, StringComparison.Ordinal));
        if (mode == null)
        {
            Warn("ima_appraise", word, $"is not a mode; {Spelling.Hint(word, Modes)}");
        }

        return mode;
    }

    void Warn(string parameter, string word, string why) => _warnings.Add($"{prefix}{parameter}: \"{word}\" {why}");
}
