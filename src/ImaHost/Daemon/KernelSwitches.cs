using ImaHost.Appraisal;
using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>Heeds what the kernel's command line says of IMA, where that is configured.</summary>
static class KernelSwitches
{
    const string CommandLine = "/proc/cmdline";

    /// <returns>The options as the kernel's switches make them: these stand over the configuration files.</returns>
    public static DaemonOptions Heed(DaemonOptions options)
    {
        if (!options.KernelCommandLine)
        {
            return options;
        }

        KernelCommandLine switches = KernelCommandLine.Parse(File.ReadAllText(CommandLine));
        foreach (string warning in switches.Warnings)
        {
            Console.Error.WriteLine($"imahost: {CommandLine}: {warning}");
        }

        return Apply(options, switches);
    }

    /// <summary>ima_policy= names what is in force where no rules are configured, as in the kernel.</summary>
    public static DaemonOptions Apply(DaemonOptions options, KernelCommandLine switches) => options with
    {
        IsOff = switches.IsOn == false,
        PolicyFallback = switches.Policies ?? options.PolicyFallback,
        Template = switches.Template ?? options.Template,
        Hash = switches.Hash ?? options.Hash,
        Appraise = switches.Appraise is { } mode && Words.TryParse(mode, out AppraiseMode appraise)
            ? appraise
            : options.Appraise,
    };
}
