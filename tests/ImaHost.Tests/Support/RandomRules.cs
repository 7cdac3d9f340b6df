using ImaHost.Policy;

namespace ImaHost.Tests.Support;

/// <summary>
/// Makes up rules: any action with any options, of which those are kept that are valid. Values of extensions have what
/// either syntax has to escape.
/// </summary>
sealed class RandomRules(int seed)
{
    static readonly string[] Uuids = ["00000000-0000-0000-0000-000000000001", "6C29BBB0-1111-2222-3333-44444444ABCD"];
    static readonly string[] Templates = ["ima", "ima-ng", "ima-sig", "ima-buf", "d-ng|n-ng|iuid", "d-ng|n-ng"];
    static readonly string[] Labels = ["a", "b|c", "#x", "\"q\"", "'", "{d}", "a:b,c", "é", "a\\b", "*", "true", "~", "- "];

    static readonly string[] Pieces =
    [
        "/", "/", "/a", "/usr/", "*", "**", "**/", "?", "[a-z]", "[!b]", "[]]", " ", "  ", "|", "\\", "\\[", "\"", "'", "#", ": ",
        ",", "{", "}", "]", "&", "!", "%", "@", "`", "-", "=", "<", ">", "é", "日本", "😀", "\\040", "\\n", "~", "$x", "x.so", "\u00a0",
    ];

    public Random Random { get; } = new(seed);

    public T Pick<T>(params IReadOnlyList<T> from) => from[Random.Next(from.Count)];

    /// <summary>As many valid rules, each from a line of its own.</summary>
    public List<ImaRule> Next(int count)
    {
        var rules = new List<ImaRule>();
        for (int tries = 0; rules.Count < count; tries++)
        {
            if (tries > count * 200)
            {
                throw new InvalidOperationException("hardly any rule is valid");
            }

            try
            {
                rules.Add(Policies.Rule(NextLine()));
            }
            catch (PolicyException)
            {
                // Options that do not go together, a pattern that is none.
            }
        }

        return rules;
    }

    public string NextLine()
    {
        string action = Pick([.. ImaActions.Names, "measure", "appraise"]);
        string func = Pick("", "", $" func={Pick<string>([.. ImaHooks.Names])}");
        if (func == " func=KEY_CHECK")
        {
            return $"dont_measure{func} uid{Pick("=", "<")}5 keyrings={NextValue(RuleOptions.Keyrings)}";
        }

        IEnumerable<RuleOption> options = RuleOptions.All
            .Where(option => option != RuleOptions.Func && Random.Next(option.IsExtension ? 12 : 9) == 0)
            .Where(option => FitsAction(option.Name, action));
        return $"{action}{func}{string.Concat(options.Select(option => " " + Write(option)))}";
    }

    static bool FitsAction(string option, string action) => option switch
    {
        "pcr" or "template" => action == "measure",
        "appraise_type" or "appraise_flag" or "appraise_algos" or "by" or "mode" => action == "appraise",
        _ => true,
    };

    /// <summary>What an extension may be given: anything but what has to be escaped is as it is.</summary>
    string NextText(string begin) => begin + string.Concat(Enumerable.Range(0, Random.Next(6)).Select(_ => Pick(Pieces)));

    static string Escape(string item) => item
        .Replace("\\", "\\134", StringComparison.Ordinal)
        .Replace(" ", "\\040", StringComparison.Ordinal)
        .Replace("|", "\\174", StringComparison.Ordinal);

    string Write(RuleOption option)
    {
        if (option.IsFlag)
        {
            return option.KernelName;
        }

        string comparison = option.IsCompared ? Pick("=", "<", ">") : "=";
        return $"{option.KernelName}{comparison}{NextValue(option)}";
    }

    string NextValue(RuleOption option) => option.Name switch
    {
        "mask" => Pick("", "^") + Pick("MAY_READ", "MAY_WRITE", "MAY_EXEC", "MAY_APPEND"),
        "fsmagic" => Pick("0x", "0X", "") + Random.NextInt64().ToString(Pick("x", "X"), null),
        "fsname" => Pick("ext4", "fuse.sshfs", "0x1", "\"", "true", "[a]", "é", "a#b"),
        "fsuuid" => Pick(Uuids),
        "pcr" => Random.Next(24).ToString(),
        "template" => Pick(Templates),
        "digest_type" => "verity",
        "appraise_type" => Pick("imasig", "imasig|modsig", "sigv3"),
        "appraise_flag" => "check_blacklist",
        "appraise_algos" => Pick("sha256", "sha1,sha512", "sha512,sha256,sha1"),
        "by" => Pick("ima-sig", "package|reference", "ima-hash|verity|ima-sig"),
        "mode" => "log",
        "rollout" => Pick("0", "25", "100"),
        "keyrings" or "label" => Pick(Labels).Trim(),
        "path" or "exe" or "cgroup" => string.Join('|', NextGlobs()),
        "container" => Escape(NextText(Pick("a", "*", "-"))),
        "mount" => Escape(NextText("/")),
        "reason" => Escape(NextText(Pick("x", " ", "\"", "日", "#", "true"))),
        _ when option.IsCompared => Pick(0u, 1u, 1000u, uint.MaxValue - 1, (uint)Random.Next()).ToString(),
        _ => Pick(Labels).Trim(),
    };

    IEnumerable<string> NextGlobs() =>
        Enumerable.Range(0, Random.Next(1, 4)).Select(_ => Escape(NextText(Pick("/", "*"))));
}
