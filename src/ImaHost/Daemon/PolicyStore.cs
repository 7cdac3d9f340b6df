using System.Text;
using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>A policy, and what is wrong with the one that should be in force in its place.</summary>
/// <param name="Fault">Null: nothing.</param>
sealed record StoredPolicy(ImaPolicy Policy, string? Fault = null);

/// <summary>
/// The policy in force as a text, on disk: what the next host starts from, however the policy came to be. Kernel rules,
/// each with its origin before it as a comment.
/// </summary>
static class PolicyStore
{
    const string OriginMark = "# from ";
    const string FaultMark = "# fault ";
    const string FailsSecurely = "# fail_securely";

    public static string Format(StoredPolicy stored)
    {
        var text = new StringBuilder();
        _ = stored.Fault == null ? text : text.Append(FaultMark).Append(stored.Fault.ReplaceLineEndings(" ")).Append('\n');
        _ = stored.Policy.FailsSecurely ? text.Append(FailsSecurely).Append('\n') : text;
        foreach (ImaRule rule in stored.Policy.Rules)
        {
            _ = text.Append(OriginMark).Append(rule.Origin).Append('\n').Append(rule).Append('\n');
        }

        return text.ToString();
    }

    /// <exception cref="PolicyException">Some line is not a rule.</exception>
    public static StoredPolicy Parse(string text, string source)
    {
        var rules = new List<ImaRule>();
        string? origin = null;
        string? fault = null;
        bool failsSecurely = false;
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            origin = line.StartsWith(OriginMark, StringComparison.Ordinal) ? line[OriginMark.Length..] : origin;
            fault = line.StartsWith(FaultMark, StringComparison.Ordinal) ? line[FaultMark.Length..] : fault;
            failsSecurely |= line == FailsSecurely;
            if (KernelPolicyReader.ReadRule(line, source, ++number, origin) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return new StoredPolicy(new ImaPolicy(rules, failsSecurely), fault);
    }

    public static void Save(string path, StoredPolicy stored)
    {
        string fresh = path + ".new";
        File.WriteAllText(fresh, Format(stored));
        File.Move(fresh, path, overwrite: true);
    }

    /// <exception cref="PolicyException">Some line is not a rule.</exception>
    public static StoredPolicy Load(string path) => Parse(File.ReadAllText(path), path);
}
