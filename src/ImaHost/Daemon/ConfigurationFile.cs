using System.Globalization;
using ImaHost.Appraisal;
using ImaHost.Policy;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ImaHost.Daemon;

/// <summary>A configuration file that is not understood, with the place that says why.</summary>
sealed class ConfigurationException(string message) : Exception(message)
{
    public static ConfigurationException At(string file, in Mark mark, string message) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{file}:{mark.Line}:{mark.Column}: {message}"));
}

/// <summary>
/// Reads imahost.yaml and the drop-ins beside it (imahost.yaml.d/*.yaml, sorted by name; later ones override). The keys
/// carry the names of the command line's options.
/// </summary>
static class ConfigurationFile
{
    const int MostBytes = 1 << 20;
    const int MostSeconds = 30 * 24 * 3600;

    static readonly Dictionary<string, Func<DaemonOptions, ConfigurationValue, DaemonOptions>> Keys = new(StringComparer.Ordinal)
    {
        ["watch"] = (options, value) => options with { Watch = value.Watches() },
        ["policy"] = (options, value) => options with { Policy = value.Strings() },
        ["policy_keys"] = (options, value) => options with { PolicyKeys = value.Strings() },
        ["kernel_command_line"] = (options, value) => options with { KernelCommandLine = value.YesOrNo() },
        ["tpm"] = (options, value) => options with { Tpm = value.Text() },
        ["fs"] = (options, value) => options with { Fs = value.Text() },
        ["list_group"] = (options, value) => options with { ListGroup = value.Text() },
        ["state"] = (options, value) => options with { State = value.Text() },
        ["appraise"] = (options, value) => options with { Appraise = value.Choice<AppraiseMode>() },
        ["keys"] = (options, value) => options with { Keys = value.Strings() },
        ["expired_keys"] = (options, value) => options with { ExpiredKeys = value.Choice<ExpiredKeys>() },
        ["blacklist"] = (options, value) => options with { Blacklist = value.Strings() },
        ["reference"] = (options, value) => options with { Reference = value.Strings() },
        ["reference_keys"] = (options, value) => options with { ReferenceKeys = value.Strings() },
        ["package_grace"] = (options, value) => options with { PackageGrace = value.Number(0, MostSeconds) },
        ["metrics_socket"] = (options, value) => options with { MetricsSocket = value.Text() },
        ["metrics_file"] = (options, value) => options with { MetricsFile = value.Text() },
        ["pcr"] = (options, value) => options with { Pcr = value.Number(0, 23) },
        ["hash"] = (options, value) => options with { Hash = value.Text() },
        ["template"] = (options, value) => options with { Template = value.Text() },
        ["deadline"] = (options, value) => options with { Deadline = value.Deadlines() },
        ["tpm_timeout"] = (options, value) => options with { TpmTimeout = value.Number(10, 600_000) },
        ["attestation_key"] = (options, value) => options with { AttestationKey = value.AttestationKey() },
        ["cache"] = (options, value) => options with { Cache = value.Number(0, 1_000_000) },
        ["host_down"] = (options, value) => options with { HostDown = value.HostDown() },
        ["bpf"] = (options, value) => options with { Bpf = value.Choice<BpfUse>() },
        ["self_protection"] = (options, value) => options with { SelfProtection = value.SelfProtection() },
        ["fileless"] = (options, value) => options with { Fileless = value.Choice<FilelessCode>() },
        ["measure_socket"] = (options, value) => options with { MeasureSocket = value.Text() },
        ["measure_users"] = (options, value) => options with { MeasureUsers = value.Numbers() },
        ["measure_limit"] = (options, value) => options with { MeasureLimit = value.Number(1, BufferRequests.MostBytes) },
        ["log"] = (options, value) => options with { Log = LogOptions.Read(value) },
        ["log_format"] = (options, value) => options with { LogFormat = value.Choice<LogFormat>() },
    };

    /// <summary>The keys that a file may have.</summary>
    public static IReadOnlyCollection<string> Names => Keys.Keys;

    /// <param name="required">The file was named by the user: it must be there.</param>
    /// <exception cref="ConfigurationException">Some file is not understood.</exception>
    public static DaemonOptions Read(string path, bool required)
    {
        DaemonOptions options = new();
        if (required || File.Exists(path))
        {
            options = ReadOne(options, path);
        }

        string dropIns = path + ".d";
        return Directory.Exists(dropIns)
            ? Directory.EnumerateFiles(dropIns, "*.yaml").Order(StringComparer.Ordinal).Aggregate(options, ReadOne)
            : options;
    }

    static DaemonOptions ReadOne(DaemonOptions options, string path)
    {
        foreach ((YamlNode node, YamlNode value) in ReadMapping(path))
        {
            string key = (node as YamlScalarNode)?.Value ?? node.ToString();
            if (!Keys.TryGetValue(key, out Func<DaemonOptions, ConfigurationValue, DaemonOptions>? set))
            {
                string hint = Spelling.Hint(key, Keys.Keys);
                throw ConfigurationException.At(path, node.Start, $"unknown key \"{key}\"; {hint}");
            }

            options = set(options, new ConfigurationValue(path, key, value));
        }

        return options;
    }

    static IEnumerable<KeyValuePair<YamlNode, YamlNode>> ReadMapping(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MostBytes)
            {
                throw new ConfigurationException($"{path}: longer than {MostBytes} bytes");
            }

            using StreamReader reader = File.OpenText(path);
            var stream = new YamlStream();
            stream.Load(reader);
            if (stream.Documents.Count == 0)
            {
                return [];
            }

            YamlNode root = stream.Documents[0].RootNode;
            return root is YamlMappingNode mapping
                ? mapping.Children
                : throw ConfigurationException.At(path, root.Start, "keys with values are expected");
        }
        catch (YamlException e)
        {
            throw ConfigurationException.At(path, e.Start, e.Message);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet stumbles over some damage instead of saying what it is.
            throw new ConfigurationException($"{path}: this is not YAML");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path}: {e.Message}");
        }
    }
}
