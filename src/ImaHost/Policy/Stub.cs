namespace ImaHost.Policy;

sealed record LoadedFile(string Path, byte[] Content, PolicyRules Rules, bool IsSigned);

sealed record LoadedPolicy(IReadOnlyList<ImaRule> Rules, bool FailsSecurely, IReadOnlyList<LoadedFile> Files, string Name);

sealed class PolicyKeys
{
    public static PolicyKeys Load(IReadOnlyList<string> files) => new();
}

static class PolicyFiles
{
    public static LoadedFile Read(string path, PolicyKeys? keys)
    {
        byte[] content = File.ReadAllBytes(path);
        return new LoadedFile(path, content, path.EndsWith(".yaml") ? YamlPolicyReader.Read(System.Text.Encoding.UTF8.GetString(content), path) : new PolicyRules(KernelPolicyReader.Read(System.Text.Encoding.UTF8.GetString(content), path)), keys != null);
    }
}

static class PolicyEntries
{
    public static LoadedPolicy Load(IReadOnlyList<string> entries, IReadOnlyList<string> fallback, PolicyKeys? keys)
    {
        LoadedFile[] files = [.. entries.Where(entry => entry.StartsWith('/')).Select(entry => PolicyFiles.Read(entry, keys))];
        ImaRule[] rules = [.. entries.Where(entry => !entry.StartsWith('/')).SelectMany(entry => BuiltInPolicies.RulesOf([entry])), .. files.SelectMany(file => file.Rules.Rules)];
        return new LoadedPolicy(rules.Length > 0 ? rules : BuiltInPolicies.RulesOf([.. fallback]), false, files, "x");
    }
}
