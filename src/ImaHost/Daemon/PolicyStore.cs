using System.Text;
using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>A policy, and what is wrong with the one that should be in force in its place.</summary>
/// <param name="Fault">Null: nothing.</param>
sealed record StoredPolicy(ImaPolicy Policy, string? Fault = null);

/// <summary>
/// The policy in force as a text, on disk: what the next host starts from, however the policy came to be. Kernel rules,
/// each with its origin before it as a comment, and a last line that says that none is missing.
/// </summary>
static class PolicyStore
{
    const string OriginMark = "# from ";
    const string FaultMark = "# fault ";
    const string FailsSecurely = "# fail_securely";
    const string EndMark = "# end";

    public static string Format(StoredPolicy stored)
    {
        var text = new StringBuilder();
        _ = stored.Fault == null ? text : text.Append(FaultMark).Append(OneLine(stored.Fault)).Append('\n');
        _ = stored.Policy.FailsSecurely ? text.Append(FailsSecurely).Append('\n') : text;
        foreach (ImaRule rule in stored.Policy.Rules)
        {
            _ = text.Append(OriginMark).Append(OneLine(rule.Origin)).Append('\n').Append(rule).Append('\n');
        }

        return text.Append(EndMark).Append('\n').ToString();
    }

    /// <exception cref="PolicyException">Some line is not a rule, or the end is missing.</exception>
    public static StoredPolicy Parse(string text, string source)
    {
        var rules = new List<ImaRule>();
        string? origin = null;
        string? fault = null;
        bool failsSecurely = false;
        bool isWhole = false;
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            origin = line.StartsWith(OriginMark, StringComparison.Ordinal) ? line[OriginMark.Length..] : origin;
            fault = line.StartsWith(FaultMark, StringComparison.Ordinal) ? line[FaultMark.Length..] : fault;
            failsSecurely |= line == FailsSecurely;
            isWhole |= line == EndMark;
            if (KernelPolicyReader.ReadRule(line, source, ++number, origin) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return isWhole
            ? new StoredPolicy(new ImaPolicy(rules, failsSecurely), fault)
            : throw new PolicyException(new PolicyPlace(source, number), $"ends without \"{EndMark}\": a part is missing");
    }

    /// <summary>On the disk before it takes the place of the old one: after a power cut one of them is there.</summary>
    public static void Save(string path, StoredPolicy stored)
    {
        string fresh = path + ".new";
        using (FileStream file = File.Create(fresh))
        {
            file.Write(Encoding.UTF8.GetBytes(Format(stored)));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }

    /// <exception cref="PolicyException">Some line is not a rule, or the end is missing.</exception>
    public static StoredPolicy Load(string path) => Parse(File.ReadAllText(path), path);

    /// <summary>A path can have a newline in it, and what follows must not be taken for a rule.</summary>
    static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
