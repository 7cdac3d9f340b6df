namespace ImaHost.Packages;

/// <summary>
/// What a running dpkg was told to do, from its command line: its hooks are not told which archives it is about to unpack.
/// </summary>
/// <param name="Unpacks">It unpacks archives, and means it.</param>
/// <param name="IsRecursive">What it was given are directories, whose archives it takes.</param>
/// <param name="Root">The root directory, if it was given one.</param>
/// <param name="Arguments">What it was given besides options.</param>
sealed record DpkgCommandLine(bool Unpacks, bool IsRecursive, string? Root, IReadOnlyList<string> Arguments)
{
    const int MostDepth = 32;

    /// <summary>Options with a value, which may be the next word (dpkg(1)).</summary>
    static readonly HashSet<string> Valued = new(StringComparer.Ordinal)
    {
        "--root", "--admindir", "--instdir", "--status-fd", "--status-logger", "--log", "--abort-after", "--debug",
        "--ignore-depends", "--pre-invoke", "--post-invoke", "--path-exclude", "--path-include", "--verify-format", "--tmpdir",
        "--sysroot",
    };

    /// <summary>Reads the words of a command line, the program's name first.</summary>
    public static DpkgCommandLine Parse(IReadOnlyList<string> words)
    {
        var command = new DpkgCommandLine(Unpacks: false, IsRecursive: false, Root: null, []);
        var rest = new List<string>();
        bool isDry = false;
        for (int i = 1; i < words.Count; i++)
        {
            string word = words[i];
            if (word == "--")
            {
                rest.AddRange(words.Skip(i + 1));
                break;
            }

            if (word.StartsWith("--", StringComparison.Ordinal))
            {
                string[] parts = word.Split('=', 2);
                string? value = parts.Length > 1 ? parts[1] : Valued.Contains(parts[0]) && i + 1 < words.Count ? words[++i] : null;
                command = command.TakeLong(parts[0], value, ref isDry);
            }
            else if (word.Length > 1 && word[0] == '-')
            {
                // -i, -R and others can stand in one word; -D takes the rest of it, or the next word.
                i += word[^1] == 'D' ? 1 : 0;
                string letters = word.Split('D')[0];
                command = command with
                {
                    Unpacks = command.Unpacks || letters.Contains('i', StringComparison.Ordinal),
                    IsRecursive = command.IsRecursive || letters.Contains('R', StringComparison.Ordinal),
                };
            }
            else
            {
                rest.Add(word);
            }
        }

        return command with { Arguments = rest, Unpacks = command.Unpacks && !isDry };
    }

    /// <summary>The archives, as paths for this process.</summary>
    /// <param name="directory">What relative names are relative to.</param>
    /// <exception cref="IOException">A directory cannot be read.</exception>
    public IReadOnlyList<string> FindArchives(string directory)
    {
        IEnumerable<string> paths = Arguments.Select(argument => Path.Combine(directory, argument));
        var all = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = MostDepth,
            AttributesToSkip = 0,
            IgnoreInaccessible = false,
        };
        return !Unpacks ? []
            : !IsRecursive ? [.. paths]
            : [.. paths.SelectMany(path => Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.deb", all) : [path])
                .Order(StringComparer.Ordinal)];
    }

    DpkgCommandLine TakeLong(string option, string? value, ref bool isDry)
    {
        isDry |= option is "--no-act" or "--dry-run" or "--simulate";
        return option switch
        {
            "--install" or "--unpack" => this with { Unpacks = true },
            "--recursive" => this with { IsRecursive = true },
            "--root" or "--instdir" => this with { Root = value },
            _ => this,
        };
    }
}
