using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>What of the service's own is sheltered by BPF programs, and from whom.</summary>
static class Shelter
{
    /// <summary>May be asked by anybody who may ask at all.</summary>
    const string Question = "status";

    /// <summary>Settings, and what vouches for files.</summary>
    static readonly string[] Settings = ["/etc/imahost", "/etc/ima", "/usr/lib/ima"];

    /// <summary>What the loader is told.</summary>
    /// <param name="programs">The service's own.</param>
    public static IEnumerable<string> Arguments(DaemonOptions options, params string[] programs)
    {
        if (options.SelfProtection is not { } sheltered)
        {
            return [];
        }

        string[] files = [.. programs, options.State, .. Settings, .. PolicyDirectories.Standard];
        return files.SelectMany(file => new[] { "--shelter", file })
            .Concat(sheltered.Programs.SelectMany(file => new[] { "--helper", file }));
    }

    /// <summary>Who starts the service must be able to start it again.</summary>
    /// <exception cref="ConfigurationException">We are not spared.</exception>
    public static void RequireSpared(DaemonOptions options)
    {
        if (options.SelfProtection is { } sheltered && !Administrators.IsCapable((uint)Environment.ProcessId, sheltered.Capability))
        {
            throw new ConfigurationException(
                "self_protection: this process lacks the capability, and could not start a sheltered service again: under"
                + " systemd it must be in CapabilityBoundingSet= of imahost.service");
        }
    }

    /// <summary>Why a process may not order that; null: it may.</summary>
    public static string? WhyNot(DaemonOptions options, ControlRequest request) =>
        options.SelfProtection is { } sheltered && request.Line != Question
            && !Administrators.IsCapable(request.Pid, sheltered.Capability)
            ? "error: self_protection is on, and the capability that it asks for is missing\n"
            : null;
}
