using System.CommandLine;
using ImaHost.Daemon;

namespace ImaHost.Cli;

/// <summary>
/// Where the package lists are and for how long they vouch on: as the host is configured, so that whoever runs a command,
/// a package manager for one, need not know.
/// </summary>
/// <param name="Directory">The state directory of the host.</param>
/// <param name="Seconds">For which a version vouches on that is not installed any more.</param>
sealed record PackageSettings(string Directory, int Seconds)
{
    /// <summary>--state.</summary>
    public static readonly Option<string?> State = new("--state") { Description = "the state directory of the host" };

    /// <summary>--grace.</summary>
    public static readonly Option<int?> Grace = new("--grace")
    {
        Description = "seconds that a version vouches on which is not installed any more (package_grace)",
    };

    /// <summary>By the command line, else by the configuration file.</summary>
    /// <exception cref="ConfigurationException">That file is damaged.</exception>
    public static PackageSettings Of(ParseResult parsed)
    {
        string? state = parsed.GetValue(State);
        int? grace = parsed.GetValue(Grace);
        if (state != null && grace != null)
        {
            return new PackageSettings(state, grace.Value);
        }

        DaemonOptions options = ConfigurationFile.Read(DaemonCommand.DefaultConfiguration, required: false);
        return new PackageSettings(state ?? options.State, grace ?? options.PackageGrace);
    }
}
