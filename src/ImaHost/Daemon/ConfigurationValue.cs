using System.Globalization;
using ImaHost.Interop;
using ImaHost.Policy;
using YamlDotNet.RepresentationModel;

namespace ImaHost.Daemon;

/// <summary>One value, read as its key wants it.</summary>
sealed class ConfigurationValue(string file, string key, YamlNode node)
{
    const int MostMilliseconds = 3_600_000;

    public string Text() => node is YamlScalarNode { Value: { Length: > 0 } text } ? text : throw Refused("a text");

    public bool IsText => node is YamlScalarNode;

    public string AbsolutePath() => Text() is ['/', ..] path ? path : throw Refused("an absolute path");

    public IReadOnlyList<string> Strings() => node is YamlSequenceNode sequence
        ? [.. sequence.Children.Select(child => new ConfigurationValue(file, key, child).Text())]
        : [Text()];

    public IReadOnlyList<string> AbsolutePaths() => node is YamlSequenceNode sequence
        ? [.. sequence.Children.Select(child => new ConfigurationValue(file, key, child).AbsolutePath())]
        : [AbsolutePath()];

    /// <summary>What is to be watched. "type: ext4", a mapping of one key, is taken for "type:ext4".</summary>
    public IReadOnlyList<string> Watches() => node is YamlSequenceNode sequence
        ? [.. sequence.Children.Select(child => new ConfigurationValue(file, key, child).Watch())]
        : [Watch()];

    /// <summary>User ids.</summary>
    public IReadOnlyList<uint> Numbers() => node is YamlSequenceNode sequence
        ? [.. sequence.Children.Select(child => (uint)new ConfigurationValue(file, key, child).Number(0, int.MaxValue))]
        : [(uint)Number(0, int.MaxValue)];

    public int Number(int least, int most) =>
        int.TryParse(Text(), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        && number >= least && number <= most
            ? number
            : throw Refused(string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"));

    public long LongNumber(long least) =>
        long.TryParse(Text(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number >= least
            ? number
            : throw Refused(string.Create(CultureInfo.InvariantCulture, $"a number from {least} on"));

    /// <summary>Seconds, or a number with s, m, h or d behind it.</summary>
    public long Seconds() => Duration.TryParse(Text(), out long seconds) ? seconds : throw Refused(Duration.Form);

    public string AttestationKey() =>
        Tpm.AttestationKey.IsChoice(Text()) ? Text() : throw Refused("ecc, rsa or a persistent handle (0x81…)");

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

        Dictionary<string, ConfigurationValue> limits = Members(every, "BPRM_CHECK", "MMAP_CHECK", "FILE_CHECK");
        int otherwise = limits.TryGetValue(every, out ConfigurationValue? all) ? all.Limit() : new DaemonOptions().Deadline.Exec;
        int Of(string hook) => limits.TryGetValue(hook, out ConfigurationValue? limit) ? limit.Limit() : otherwise;
        return new Deadlines(Of("BPRM_CHECK"), Of("MMAP_CHECK"), Of("FILE_CHECK"));
    }

    /// <summary>An action, or one with its limit.</summary>
    public HostDown HostDown()
    {
        if (node is not YamlMappingNode)
        {
            return Daemon.HostDown.Of(Choice<HostDownAction>());
        }

        Dictionary<string, ConfigurationValue> members = Members("action", "limit");
        HostDown otherwise = Daemon.HostDown.Of(
            members.TryGetValue("action", out ConfigurationValue? action) ? action.Choice<HostDownAction>() : HostDownAction.Wait);
        return members.TryGetValue("limit", out ConfigurationValue? limit) ? otherwise with { Limit = limit.Number(0, MostMilliseconds) } : otherwise;
    }

    /// <summary>"off", a capability, or one with programs.</summary>
    public SelfProtection? SelfProtection()
    {
        if (node is not YamlMappingNode)
        {
            return Text() == "off" ? null : new SelfProtection(Capability(), []);
        }

        Dictionary<string, ConfigurationValue> members = Members("capability", "programs");
        IReadOnlyList<string> programs = members.TryGetValue("programs", out ConfigurationValue? paths) ? paths.AbsolutePaths() : [];
        return members.TryGetValue("capability", out ConfigurationValue? capability)
            ? new SelfProtection(capability.Capability(), programs)
            : throw Refused("a capability, whose owners are spared");
    }

    int Capability() => Capabilities.Find(Text()) ?? throw Refused("off or a capability, like CAP_MAC_ADMIN");

    public T Choice<T>()
        where T : struct, Enum => Words.TryParse(Text(), out T choice) ? choice : throw Refused(Words.List<T>());

    int Limit() => Number(100, MostMilliseconds);

    /// <summary>The values of a mapping that may have these keys.</summary>
    public Dictionary<string, ConfigurationValue> Members(params string[] keys)
    {
        var members = new Dictionary<string, ConfigurationValue>(StringComparer.Ordinal);
        foreach ((YamlNode name, YamlNode value) in (node as YamlMappingNode ?? throw Refused("a mapping")).Children)
        {
            string word = (name as YamlScalarNode)?.Value ?? name.ToString();
            members[word] = keys.Contains(word)
                ? new ConfigurationValue(file, $"{key}: {word}", value)
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

    public ConfigurationException Refused(string expected) =>
        ConfigurationException.At(file, node.Start, $"\"{key}\" takes {expected}");
}
