using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Daemon;

/// <summary>
/// What would allow a file that is denied. Each is tried before it is told: the rules are held against the file as it
/// would be then.
/// </summary>
/// <param name="failing">The rules that are not content.</param>
/// <param name="package">The package it came from, if one did.</param>
/// <param name="lists">What lists say of it.</param>
sealed class Remedies(
    WhyContext context, FileInspection file, IReadOnlyList<ImaRule> failing, PackageOwner? package,
    IReadOnlyList<ListLine> lists)
{
    /// <summary>The file's name for a shell: as the kernel has it, whatever it was asked by.</summary>
    readonly string _path = ShellWord.Quote(file.File.Path);

    /// <summary>Of all these rules, as far as they are not content already.</summary>
    readonly ImaRule[] _denying = [.. failing.Where(rule => !rule.OnlyLogs).DefaultIfEmpty(failing.Count > 0 ? failing[0] : null).OfType<ImaRule>()];

    /// <param name="allowed">The decision that allowed it last.</param>
    /// <returns>The best first; none: nothing that is known here would.</returns>
    public List<Remedy> Find(DecisionRecord? allowed)
    {
        var remedies = new List<Remedy>();
        bool isRevoked = IsRevoked();
        if (package?.Altered == true)
        {
            AddReinstall(package, remedies);
        }

        if (isRevoked || _denying.Length == 0)
        {
            return remedies;
        }

        if (package is { Altered: not true } && !lists.Any(package.IsRecordedIn)
            && _denying.All(rule => rule.By.HasFlag(Vouching.Package)))
        {
            remedies.Add(new Remedy(
                "imahost packages import", $"if it is as {package.Name} {package.Version} installed it: makes the list that it lacks"));
        }

        AddRule(allowed, remedies);
        AddSignature(remedies);
        if (LabelCommand() is { } label)
        {
            remedies.Add(new Remedy(label, "if you trust its content as it is now"));
        }

        if (_denying.All(rule => rule.By.HasFlag(Vouching.Reference)))
        {
            remedies.Add(new Remedy(LearnCommand(), "if you trust its content as it is now: a list of digests, which is shown and asked about"));
        }

        return remedies;
    }

    bool IsRevoked() => failing.Any(rule => file.Appraise(rule, context.Vouchers).Outcome == Appraisal.Appraisal.Revoked);

    /// <summary>
    /// The package's own content is what the package's list vouches for, as it is recorded when it is unpacked. Unpacking
    /// makes a new file without a label.
    /// </summary>
    void AddReinstall(PackageOwner altered, List<Remedy> remedies)
    {
        bool isListed = lists.Any(line => line is { HasPath: true, HasDigest: false });
        if (_denying.All(rule => rule.By.HasFlag(Vouching.Package) || (rule.By.HasFlag(Vouching.Reference) && isListed)))
        {
            remedies.Add(new Remedy(altered.Reinstall, "it was altered after it was installed"));
        }
        else if (LabelCommand() is { } label)
        {
            remedies.Add(new Remedy($"{altered.Reinstall} && {label}", "it was altered after it was installed"));
        }
    }

    /// <summary>It was allowed by a rule that is not there any more, and would be still.</summary>
    void AddRule(DecisionRecord? allowed, List<Remedy> remedies)
    {
        if (allowed?.Rule == null || context.Policy.Rules.Any(rule => rule.ToString() == allowed.Rule))
        {
            return;
        }

        try
        {
            ImaRule? old = KernelPolicyReader.ReadRule(allowed.Rule, "the record", 1, allowed.Origin);
            if (old != null && file.Appraise(old, context.Vouchers).Passes)
            {
                remedies.Add(new Remedy("imahost policy load", $"after this rule is back in {allowed.Origin}: {allowed.Rule}"));
            }
        }
        catch (PolicyException)
        {
            // A rule of another version: nothing can be said of it.
        }
    }

    /// <summary>A signature that verifies would do. That some key is trusted is for who signs to see to.</summary>
    void AddSignature(List<Remedy> remedies)
    {
        if (file.File.XattrError != 0 || !_denying.All(TakesSignature))
        {
            return;
        }

        bool isOnlyWay = _denying.Any(rule => rule.Signature != SignatureDemand.None || rule.By == Vouching.ImaSig);
        string key = LabelText.Key(LabelText.KeyId(file.File.SecurityIma)) is { } id
            ? $" (its signature is by key {id}, which does not verify it here)" : "";
        remedies.Add(new Remedy(
            $"imahost label --sign KEY {_path}",
            (isOnlyWay ? "the rule wants a signature; " : "") + $"with the private key of a certificate in {string.Join(", ", context.Options.Keys)}{key}"));
    }

    static bool TakesSignature(ImaRule rule) =>
        !rule.IsVerity && (rule.By == Vouching.None ? rule.Signature != SignatureDemand.SigV3 : rule.By.HasFlag(Vouching.ImaSig))
        && (rule.By != Vouching.None || rule.Signature != SignatureDemand.None);

    /// <summary>What enforcing would deny is learned: of this file alone.</summary>
    string LearnCommand()
    {
        byte[] pattern = [.. file.File.Path.ToArray().SelectMany(one => "*?[\\"u8.Contains(one) ? new[] { (byte)'\\', one } : [one])];
        return $"imahost learn --would-deny --path {ShellWord.Quote(pattern)} --out learned.sha256"
            + " && imahost learn --accept learned.sha256";
    }

    /// <returns>Null: a hash in security.ima would not do.</returns>
    string? LabelCommand()
    {
        HashAlgorithm usual = HashAlgorithm.Sha256;
        if (file.File.XattrError != 0)
        {
            return null;
        }

        HashAlgorithm? enough = HashAlgorithm.All.OrderByDescending(algorithm => algorithm == usual)
            .FirstOrDefault(algorithm => _denying.All(rule => file.AppraiseLabelled(rule, algorithm, context.Vouchers).Passes));
        string more = enough == usual ? "" : $"--hash {enough} ";
        return enough == null ? null : $"imahost label {more}{_path}";
    }
}
