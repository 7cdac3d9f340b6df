namespace ImaHost.Policy;

/// <summary>Reads what was written for an option.</summary>
/// <exception cref="FormatException">It is not what the option takes.</exception>
delegate RuleWord RuleReader(in RuleValue value);

/// <summary>One option of rules: everything that reading and showing it needs, in either syntax.</summary>
sealed class RuleOption
{
    readonly RuleReader _read;

    /// <summary>What sets our own options apart in the kernel's language, whose kernels would refuse them.</summary>
    public const string ExtensionPrefix = "imahost.";

    /// <param name="name">The kernel's word, or ours.</param>
    public RuleOption(string name, RuleReader read)
    {
        Name = name;
        _read = read;
    }

    public string Name { get; }

    /// <summary>The kernel has no such option.</summary>
    public bool IsExtension { get; init; }

    /// <summary>It takes &lt; and &gt; besides =.</summary>
    public bool IsCompared { get; init; }

    /// <summary>It has no value: being there is all.</summary>
    public bool IsFlag { get; init; }

    /// <summary>What stands between several values in the kernel's language; null: it takes one.</summary>
    public char? Separator { get; init; }

    /// <summary>Its name in the kernel's language.</summary>
    public string KernelName => IsExtension ? ExtensionPrefix + Name : Name;

    /// <summary>Makes a word of what was written.</summary>
    /// <exception cref="FormatException">It is not what the option takes.</exception>
    public RuleWord Read(in RuleValue value)
    {
        RuleWord word = value.Items.All(Characters.CanBeShown)
            ? _read(in value)
            : throw new FormatException($"a value with {Characters.Odd}");
        return IsExtension || word.Items.All(item => !item.Contains(' ', StringComparison.Ordinal))
            ? word
            : throw new FormatException($"\"{value.Text}\" has a blank, which the kernel's language cannot write");
    }
}
