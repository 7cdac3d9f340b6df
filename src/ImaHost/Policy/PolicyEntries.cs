using System.Globalization;
using ImaHost.Interop;

namespace ImaHost.Policy;

/// <summary>A policy as it was configured.</summary>
/// <param name="FailsSecurely">Some part of it includes the built-in policy of that name.</param>
/// <param name="Files">Those that it was read from.</param>
/// <param name="Name">Where it comes from, for people: "/etc/ima/policy.d: 3 files".</param>
sealed record LoadedPolicy(
    IReadOnlyList<ImaRule> Rules, bool FailsSecurely, IReadOnlyList<LoadedFile> Files, string Name);

/// <summary>
/// Puts a policy together from a list of entries, each the name of a built-in policy, a file or a directory. Rules
/// stand in the order of the entries; built-in policies that follow each other stand in the kernel's order.
/// </summary>
sealed class PolicyEntries
{
    const int TypeMask = 0xf000; // S_IFMT, stat.h
    const int DirectoryType = 0x4000; // S_IFDIR

    readonly PolicyKeys? _keys;
    readonly List<ImaRule> _rules = [];
    readonly List<LoadedFile> _files = [];
    readonly List<string> _names = [];
    readonly List<string> _builtIns = [];
    bool _failsSecurely;

    PolicyEntries(PolicyKeys? keys) => _keys = keys;

    /// <summary>All that the entries name, or nothing.</summary>
    /// <param name="entries">None: the standard directories.</param>
    /// <param name="fallback">
    /// The built-in policies that are in force when there is no rule: as in the kernel, a policy without rules takes
    /// the place of none (ima_check_policy).
    /// </param>
    /// <param name="keys">One of them must have signed each file; null: they need no signature.</param>
    /// <exception cref="PolicyException">Some part of it cannot be loaded.</exception>
    public static LoadedPolicy Load(IReadOnlyList<string> entries, IReadOnlyList<string> fallback, PolicyKeys? keys) =>
        Load(entries, fallback, keys, PolicyDirectories.Standard);

    /// <param name="standard">The standard directories.</param>
    /// <inheritdoc cref="Load(IReadOnlyList{string}, IReadOnlyList{string}, PolicyKeys?)"/>
    public static LoadedPolicy Load(
        IReadOnlyList<string> entries, IReadOnlyList<string> fallback, PolicyKeys? keys, IReadOnlyList<string> standard)
    {
        var loaded = new PolicyEntries(keys);
        if (entries.Count == 0)
        {
            loaded.AddDirectories(standard);
        }

        foreach (string entry in entries)
        {
            loaded.Add(entry);
        }

        return loaded.Finish(fallback);
    }

    void Add(string entry)
    {
        if (BuiltInPolicies.Names.Contains(entry))
        {
            _builtIns.Add(entry);
            return;
        }

        if (!entry.StartsWith('/') || entry.Contains('\0', StringComparison.Ordinal))
        {
            throw new PolicyException(
                new PolicyPlace("policy"),
                $"\"{entry}\" is neither an absolute path nor a built-in policy;"
                + $" {Spelling.Hint(entry, BuiltInPolicies.Names)}");
        }

        AddBuiltIns();
        if (FileStat.TryOfPath(entry, out FileStat stat) && (stat.Mode & TypeMask) == DirectoryType)
        {
            AddDirectories([entry]);
        }
        else
        {
            AddFile(entry);
            _names.Add(entry);
        }
    }

    void AddDirectories(IReadOnlyList<string> directories)
    {
        IReadOnlyList<string> files = PolicyDirectories.FilesIn(directories);
        foreach (string file in files)
        {
            AddFile(file);
        }

        string[] used = directories.Count == 1
            ? [.. directories]
            : [.. directories.Reverse().Where(one => files.Any(file => Path.GetDirectoryName(file) == one))];
        if (used.Length > 0)
        {
            _names.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{string.Join(", ", used)}: {files.Count} {(files.Count == 1 ? "file" : "files")}"));
        }
    }

    void AddFile(string path)
    {
        LoadedFile file = PolicyFiles.Read(path, _keys);
        _files.Add(file);
        _rules.AddRange(file.Rules.Rules);
        _failsSecurely |= file.Rules.FailsSecurely;
    }

    /// <summary>Those that were named since the last file.</summary>
    void AddBuiltIns()
    {
        if (_builtIns.Count > 0)
        {
            _rules.AddRange(BuiltInPolicies.RulesOf(_builtIns));
            _failsSecurely |= _builtIns.Contains(BuiltInPolicies.FailSecurely);
            _names.Add($"{string.Join(", ", _builtIns)} (built in)");
            _builtIns.Clear();
        }
    }

    LoadedPolicy Finish(IReadOnlyList<string> fallback)
    {
        AddBuiltIns();
        string name = string.Join("; ", _names);
        if (_rules.Count > 0)
        {
            return new LoadedPolicy(_rules, _failsSecurely, _files, name);
        }

        _names.Clear();
        _builtIns.AddRange(fallback);
        AddBuiltIns();
        string because = name.Length > 0 ? $", for no rules are in {name}" : "";
        return new LoadedPolicy(_rules, _failsSecurely, _files, string.Join("; ", _names) + because);
    }
}
