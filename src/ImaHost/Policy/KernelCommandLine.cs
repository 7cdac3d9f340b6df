namespace ImaHost.Policy;

/// <summary>
/// What a command line of the kernel says of IMA. Each parameter can be given as "imahost." and its name, for this host
/// alone: that overrides the plain one. Members that nothing was said about are null.
/// </summary>
sealed record KernelCommandLine
{
    const string Ours = "imahost.";

    /// <summary>ima=on, ima=off. The kernel heeds it in a kdump kernel only.</summary>
    public bool? IsOn { get; init; }

    /// <summary>ima_policy=, ima_tcb and ima_appraise_tcb: names of built-in policies, one at least.</summary>
    public IReadOnlyList<string>? Policies { get; init; }

    /// <summary>ima_template= and ima_template_fmt=: the name of a template, or a format.</summary>
    public string? Template { get; init; }

    /// <summary>ima_hash=: the name of an algorithm.</summary>
    public string? Hash { get; init; }

    /// <summary>ima_appraise=: "off", "log", "fix" or "enforce". (Under secure boot the kernel enforces.)</summary>
    public string? Appraise { get; init; }

    /// <summary>What was not understood, and is ignored, as by the kernel.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <param name="text">As in /proc/cmdline.</param>
    public static KernelCommandLine Parse(string text)
    {
        var plain = new KernelParameters("");
        var ours = new KernelParameters(Ours);
        foreach ((string written, string? value) in KernelArguments.In(text))
        {
            // To the kernel both are the same in a name (parameqn).
            string name = written.Replace('-', '_');
            if (name.StartsWith(Ours, StringComparison.Ordinal))
            {
                ours.Take(name[Ours.Length..], value);
            }
            else
            {
                plain.Take(name, value);
            }
        }

        return ours.Finish().Over(plain.Finish());
    }

    KernelCommandLine Over(KernelCommandLine other) => new()
    {
        IsOn = IsOn ?? other.IsOn,
        Policies = (Policies ?? other.Policies) is { Count: > 0 } policies ? policies : null,
        Template = Template ?? other.Template,
        Hash = Hash ?? other.Hash,
        Appraise = Appraise ?? other.Appraise,
        Warnings = [.. other.Warnings, .. Warnings],
    };
}
