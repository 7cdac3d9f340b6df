using ImaHost.Policy;

namespace ImaHost.Benchmarks;

/// <summary>Policies of a thousand rules.</summary>
static class Scenarios
{
    const int Count = 1000;
    const string Path = "/srv/data/projects/report/chapter-1/draft.txt";
    const string Realistic = "realistic, with tcb";

    /// <summary>By its name: a rule by its number, and the one that matches.</summary>
    static readonly Dictionary<string, (Func<int, string> Line, string Last)> All = new()
    {
        [Realistic] = (RuleOfSite, "measure imahost.path=/srv/data/projects/**"),
        ["uid="] = (i => $"measure uid={i + 2000}", "measure uid=1000"),
        ["path prefixes"] = (i => $"measure imahost.path=/srv/app-{i}/**", "measure imahost.path=/srv/data/**"),
        ["uid> (no index)"] = (i => $"measure uid>{i + 2000}", "measure uid>999"),
        ["**/name-* (no index)"] = (i => $"measure imahost.path=**/name-{i}*", "measure imahost.path=**/draft*"),
        ["**/*.suffix"] = (i => $"measure imahost.path=**/*.s{i}", "measure imahost.path=**/*.txt"),
    };

    public static IEnumerable<string> Names => All.Keys;

    /// <summary>It is what somebody would write.</summary>
    public static bool IsRealistic(string name) => name == Realistic;

    /// <param name="matches">The last rule of all matches, or none.</param>
    public static Scenario Make(string name, bool matches)
    {
        (Func<int, string> line, string last) = All[name];
        IEnumerable<string> lines = Enumerable.Range(0, Count - 1).Select(line).Append(matches ? last : line(Count - 1));
        List<ImaRule> rules = KernelPolicyReader.Read(string.Join('\n', lines), "benchmark");
        if (IsRealistic(name))
        {
            rules.InsertRange(0, BuiltInPolicies.RulesOf("tcb"));
        }

        return new Scenario(new ImaPolicy(rules), Path, matches);
    }

    /// <summary>The rules of a site: services by their directory, user, owner, program and cgroup.</summary>
    static string RuleOfSite(int i) => (i % 10) switch
    {
        0 or 1 or 2 => $"measure func=FILE_CHECK mask=^MAY_READ imahost.path=/srv/app-{i}/**",
        3 => $"dont_measure imahost.path=/srv/app-{i}/cache/*|/var/cache/app-{i}/**",
        4 or 5 => $"measure func=FILE_CHECK uid={i + 2000}",
        6 => $"appraise fowner={i + 2000}",
        7 => $"appraise func=BPRM_CHECK imahost.path=/opt/app-{i}/bin/*",
        8 => $"measure func=FILE_CHECK imahost.exe=/opt/app-{i}/bin/server",
        _ => $"audit imahost.cgroup=/system.slice/app-{i}.service",
    };
}
