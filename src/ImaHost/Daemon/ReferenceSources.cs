using ImaHost.Appraisal;
using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>Where the configured lists of reference digests are.</summary>
static class ReferenceSources
{
    const string KeysSetting = "reference_keys";

    /// <summary>Until when lists of packages that were replaced still count.</summary>
    public static string ExpiringIn(DaemonOptions options) => new ReferenceSettings([], options.State).ExpiringPath;

    /// <exception cref="PolicyException">A key that lists must be signed with cannot be read: no list can be verified.</exception>
    public static ReferenceSettings SettingsOf(DaemonOptions options) => new(
        options.Reference,
        options.State,
        options.ReferenceKeys.Count > 0 ? PolicyKeys.Load(options.ReferenceKeys, KeysSetting) : null);
}
