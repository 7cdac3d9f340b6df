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
    const int MostMilliseconds = 3_600_000;
    const int MostSeconds = 30 * 24 * 3600;

    static readonly Dictionary<string, Func<DaemonOptions, Value, DaemonOptions>> Keys = new(StringComparer.Ordinal)
    {
        ["watch"] = (options, value) => options with { Watch = value.Watches() },
        ["policy"] = (options, value) => options with { Policy = value.Strings() },
        ["policy_keys"] = (options, value) => options with { PolicyKeys = value.Strings() },
        ["kernel_command_line"] = (options, value) => options with { KernelCommandLine = value.YesOrNo() },
        ["tpm"] = (options, value) => options with { Tpm = value.Text() },
        ["fs"] = (options, value) => options with { Fs = value.Text() },
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
        ["cache"] = (options, value) => options with { Cache = value.Number(0, 1_000_000) },
        ["host_down"] = (options, value) => options with { HostDown = value.HostDown() },
        ["measure_socket"] = (options, value) => options with { MeasureSocket = value.Text() },
        ["measure_users"] = (options, value) => options with { MeasureUsers = value.Numbers() },
        ["measure_limit"] = (options, value) => options with { MeasureLimit = value.Number(1, BufferRequests.MostBytes) },
        ["log_format"] = (options, value) => options with { LogFormat = value.Choice<LogFormat>() },
    };

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
            if (!Keys.TryGetValue(key, out Func<DaemonOptions, Value, DaemonOptions>? set))
            {
                string hint = Spelling.Hint(key, Keys.Keys);
                throw ConfigurationException.At(path, node.Start, $"unknown key \"{key}\"; {hint}");
            }

            options = set(options, new Value(path, key, value));
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

    /// <summary>One value, read as its key wants it.</summary>
    sealed class Value(string file, string key, YamlNode node)
    {
        public string Text() => node is YamlScalarNode { Value: { Length: > 0 } text } ? text : throw Refused("a text");

        public IReadOnlyList<string> Strings() => node is YamlSequenceNode sequence
            ? [.. sequence.Children.Select(child => new Value(file, key, child).Text())]
            : [Text()];

        /// <summary>What is to be watched. "type: ext4", a mapping of one key, is taken for "type:ext4".</summary>
        public IReadOnlyList<string> Watches() => node is YamlSequenceNode sequence
            ? [.. sequence.Children.Select(child => new Value(file, key, child).Watch())]
            : [Watch()];

        /// <summary>User ids.</summary>
        public IReadOnlyList<uint> Numbers() => node is YamlSequenceNode sequence
            ? [.. sequence.Children.Select(child => (uint)new Value(file, key, child).Number(0, int.MaxValue))]
            : [(uint)Number(0, int.MaxValue)];

        public int Number(int least, int most) =>
            int.TryParse(Text(), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number >= least && number <= most
                ? number
                : throw Refused(string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"));

        public bool YesOrNo() => Text() switch
        {
            "true" => true,
            "false" => false,
            _ => throw Refused("true or false"),
        };

        /// <summary>One number for all, or by hook.</summary>
        public Deadlines Deadlines()
        {
            const string every = "default";
            if (node is not YamlMappingNode)
            {
                return Daemon.Deadlines.All(Limit());
            }

            Dictionary<string, Value> limits = Members(every, "BPRM_CHECK", "MMAP_CHECK", "FILE_CHECK");
            int otherwise = limits.TryGetValue(every, out Value? all) ? all.Limit() : new DaemonOptions().Deadline.Exec;
            int Of(string hook) => limits.TryGetValue(hook, out Value? limit) ? limit.Limit() : otherwise;
            return new Deadlines(Of("BPRM_CHECK"), Of("MMAP_CHECK"), Of("FILE_CHECK"));
        }

        /// <summary>An action, or one with its limit.</summary>
        public HostDown HostDown()
        {
            if (node is not YamlMappingNode)
            {
                return Daemon.HostDown.Of(Choice<HostDownAction>());
            }

            Dictionary<string, Value> members = Members("action", "limit");
            HostDown otherwise = Daemon.HostDown.Of(
                members.TryGetValue("action", out Value? action) ? action.Choice<HostDownAction>() : HostDownAction.Wait);
            return members.TryGetValue("limit", out Value? limit) ? otherwise with { Limit = limit.Number(0, MostMilliseconds) } : otherwise;
        }

        public T Choice<T>()
            where T : struct, Enum => Words.TryParse(Text(), out T choice) ? choice : throw Refused(Words.List<T>());

        int Limit() => Number(100, MostMilliseconds);

        /// <summary>The values of a mapping that may have these keys.</summary>
        Dictionary<string, Value> Members(params string[] keys)
        {
            var members = new Dictionary<string, Value>(StringComparer.Ordinal);
            foreach ((YamlNode name, YamlNode value) in ((YamlMappingNode)node).Children)
            {
                string word = (name as YamlScalarNode)?.Value ?? name.ToString();
                members[word] = keys.Contains(word)
                    ? new Value(file, $"{key}: {word}", value)
                    : throw ConfigurationException.At(
                        file, name.Start, $"\"{key}\" has no \"{word}\"; {Spelling.Hint(word, keys)}");
            }

            return members;
        }

        string Watch()
        {
            string entry = node is YamlMappingNode { Children: [{ Key: YamlScalarNode form, Value: YamlScalarNode what }] }
                && form.Value is "type" or "mount"
                    ? $"{form.Value}:{what.Value}"
                    : (node as YamlScalarNode)?.Value ?? "";
            try
            {
                return new WatchSelection([entry]).Paths is [] or [['/', ..]] ? entry : throw Refused(WatchSelection.Forms);
            }
            catch (FormatException e)
            {
                throw ConfigurationException.At(file, node.Start, $"\"{key}\": {e.Message}");
            }
        }

        ConfigurationException Refused(string expected) =>
            ConfigurationException.At(file, node.Start, $"\"{key}\" takes {expected}");
    }
}
