using System.CommandLine;
using ImaHost.Daemon;
using ImaHost.Packages;

namespace ImaHost.Cli;

/// <summary>
/// Where the package lists are and for how long they vouch on: as the host is configured, so that whoever runs a command,
/// a package manager for one, need not know.
/// </summary>
/// <param name="Directory">The state directory of the host.</param>
/// <param name="Seconds">For which a version vouches on that is not installed any more.</param>
/// <param name="Check">Looks at the signatures in headers of rpm.</param>
sealed record PackageSettings(string Directory, int Seconds, FileSignatureCheck Check)
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
        DaemonOptions options = ConfigurationFile.Read(DaemonCommand.DefaultConfiguration, required: false);
        return new PackageSettings(
            parsed.GetValue(State) ?? options.State, parsed.GetValue(Grace) ?? options.PackageGrace,
            HeaderSignatures.Check(options));
    }
}
