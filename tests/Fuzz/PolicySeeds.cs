using ImaHost.Policy;

namespace ImaHost.Fuzz;

/// <summary>What the fuzzer begins with for policies: the built-in ones, rules with every option, and their words.</summary>
static class PolicySeeds
{
    static readonly string[] Lines =
    [
        "measure func=FILE_CHECK mask=^MAY_READ uid=0 pcr=11 template=ima-ng",
        "appraise func=MODULE_CHECK appraise_type=imasig|modsig appraise_flag=check_blacklist permit_directio",
        "appraise digest_type=verity appraise_type=sigv3 appraise_algos=sha256,sha512",
        "dont_measure fsmagic=0x9fa0 fsname=ext4 fsuuid=6c29bbb0-1111-2222-3333-444444444444",
        "audit euid<5 egid>6 fowner=7 fgroup=8",
        "hash obj_user=a obj_role=b obj_type=c subj_user=d subj_role=e subj_type=f",
        "measure func=CRITICAL_DATA label=a|b uid=0",
        "dont_measure func=KEY_CHECK keyrings=.ima|.evm gid=0",
        @"measure imahost.path=/usr/**|/a\040b/*.so imahost.exe=**/sh imahost.mount=/srv",
        @"dont_hash imahost.cgroup=/system.slice/* imahost.container=[0-9a-f]* imahost.reason=two\040words",
    ];

    /// <summary>What was once accepted but not read again, or not shown.</summary>
    static readonly (string Case, string Text)[] OnceWrong =
    [
        ("mount-of-slashes", "measure imahost.mount=//\n"),
        ("tab-in-a-path", "measure imahost.path=/a\\011b\n"),
        ("control-character", "measure fsname=a\u0085b\n"),
        ("line-separator", "measure fsname=a\u2028b\n"),
    ];

    static readonly (string Case, string Text)[] OnceWrongYaml =
    [
        ("separator-in-a-list", "version: 1\nrules: [{action: dont_measure, func: KEY_CHECK, keyrings: [\"a|b\", c]}]\n"),
        ("blank-in-a-word", "version: 1\nrules: [{action: measure, fsname: \"ext 4\"}]\n"),
        ("key-on-two-lines", "version: 1\nrules: [a\nb: c\n"),
        ("names", "version: 1\nrules: [{action: measure, uid: root, fgroup: \">root\"}]\n"),
    ];

    /// <summary>Makes the folders kernel and yaml.</summary>
    public static void Write(string into)
    {
        foreach (string name in BuiltInPolicies.Names)
        {
            Write(into, name, BuiltInPolicies.RulesOf(name));
        }

        Write(into, "options", KernelPolicyReader.Read(string.Join('\n', Lines), "seeds"));
        foreach ((string name, string text) in OnceWrong)
        {
            WriteFile(into, "kernel", name, text);
        }

        foreach ((string name, string text) in OnceWrongYaml)
        {
            WriteFile(into, "yaml", name, text);
        }
    }

    public static IEnumerable<string> Words() =>
    [
        .. ImaActions.Names, .. ImaHooks.Names.Select(hook => $"func={hook}"), .. ImaHooks.Names, .. BuiltInPolicies.Names,
        .. RuleOptions.NamesIn(PolicySyntax.Kernel).Select(name => $" {name}="),
        .. RuleOptions.NamesIn(PolicySyntax.Yaml).Select(name => $"\n    {name}: "),
        "\n  - action: ", "version: 1\n", "include: [", "rules:\n", "rules: []", "^MAY_READ", "imasig", "sigv3", "verity", "**/", "[!a]",
        "\\040", "\\134", "\\174", "\\u0085", "&a ", "*a", "!!", "---\n", "...\n", "%YAML 1.2\n", "? ", "- ", ": ", "|\n", ">\n", "\"", "'",
    ];

    static void Write(string into, string name, IReadOnlyList<ImaRule> rules)
    {
        WriteFile(into, "kernel", name, KernelPolicyText.Of(rules));
        WriteFile(into, "yaml", name, YamlPolicyText.Of(rules));
    }

    static void WriteFile(string into, string target, string name, string text)
    {
        string folder = Path.Combine(into, target);
        _ = Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, name), text);
    }
}
