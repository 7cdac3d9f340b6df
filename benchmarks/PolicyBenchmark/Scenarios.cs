using ImaHost.Policy;

namespace ImaHost.Benchmarks;

/// <summary>Policies of a thousand rules, of which the last one matches or none.</summary>
static class Scenarios
{
    const int Count = 1000;
    const string Path = "/srv/data/projects/report/chapter-1/draft.txt";

    public static IEnumerable<Scenario> All() =>
    [
        .. Both("realistic, with tcb", Realistic, "measure imahost.path=/srv/data/projects/**", isRealistic: true),
        .. Both("uid=", i => $"measure uid={i + 2000}", "measure uid=1000"),
        .. Both("path prefixes", i => $"measure imahost.path=/srv/app-{i}/**", "measure imahost.path=/srv/data/**"),
        .. Both("uid> (no index)", i => $"measure uid>{i + 2000}", "measure uid>999"),
        .. Both("**/name-* (no index)", i => $"measure imahost.path=**/name-{i}*", "measure imahost.path=**/draft*"),
        .. Both("**/*.suffix", i => $"measure imahost.path=**/*.s{i}", "measure imahost.path=**/*.txt"),
    ];

    static IEnumerable<Scenario> Both(string name, Func<int, string> line, string last, bool isRealistic = false)
    {
        string[] lines = [.. Enumerable.Range(0, Count - 1).Select(line)];
        foreach (bool matches in (bool[])[true, false])
        {
            string text = string.Join('\n', lines.Append(matches ? last : line(Count - 1)));
            List<ImaRule> rules = KernelPolicyReader.Read(text, "benchmark");
            if (isRealistic)
            {
                rules.InsertRange(0, BuiltInPolicies.RulesOf("tcb"));
            }

            yield return new Scenario(name, new ImaPolicy(rules), Path, matches, isRealistic);
        }
    }

    /// <summary>The rules of a site: services by their directory, user, owner, program and cgroup.</summary>
    static string Realistic(int i) => (i % 10) switch
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
