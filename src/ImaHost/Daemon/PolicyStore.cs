using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>The policy in force, on disk: what the next host starts from, however the policy came to be.</summary>
static class PolicyStore
{
    const string OriginMark = "# from ";

    /// <summary>The files' rules one after the other; without files the built-in policy.</summary>
    /// <exception cref="PolicyException">Some line is not a rule.</exception>
    /// <exception cref="ConfigurationException">Some file cannot be read.</exception>
    public static ImaPolicy ReadFiles(IReadOnlyList<string> paths)
    {
        if (paths.Count == 0)
        {
            return ImaPolicy.Default;
        }

        try
        {
            return new ImaPolicy(paths.SelectMany(path => KernelPolicyReader.Read(File.ReadAllText(path), path)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"cannot read a policy: {e.Message}");
        }
    }

    /// <summary>Each rule with its origin before it, as a comment: kernel rules that know where they came from.</summary>
    public static void Save(string path, ImaPolicy policy)
    {
        string fresh = path + ".new";
        File.WriteAllText(fresh, string.Concat(policy.Rules.Select(rule => $"{OriginMark}{rule.Origin}\n{rule}\n")));
        File.Move(fresh, path, overwrite: true);
    }

    public static ImaPolicy Load(string path)
    {
        var rules = new List<ImaRule>();
        string origin = path;
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            origin = line.StartsWith(OriginMark, StringComparison.Ordinal) ? line[OriginMark.Length..] : origin;
            if (KernelPolicyReader.ReadRule(line, path, ++number, origin) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return new ImaPolicy(rules);
    }
}
