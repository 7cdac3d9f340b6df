namespace ImaHost.Trees;

/// <summary>What befell the files of one cause.</summary>
/// <param name="Examples">The first of them.</param>
sealed record ProblemGroup(string Cause, int Count, IReadOnlyList<string> Examples);

/// <summary>
/// What could not be done, told at once and counted by its cause: a tree may fail as a whole, and is then not held in
/// memory. For several threads.
/// </summary>
/// <param name="tell">Is told each file and cause, one at a time; null: nobody is.</param>
sealed class TreeProblems(Action<string, string>? tell = null)
{
    const int MostExamples = 10;

    readonly Dictionary<string, List<string>> _examples = [];
    readonly Dictionary<string, int> _counts = [];
    readonly Lock _lock = new();

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _counts.Values.Sum();
            }
        }
    }

    /// <summary>By cause, the most frequent first.</summary>
    public IReadOnlyList<ProblemGroup> Groups
    {
        get
        {
            lock (_lock)
            {
                return
                [
                    .. _counts.OrderByDescending(one => one.Value).ThenBy(one => one.Key, StringComparer.Ordinal)
                        .Select(one => new ProblemGroup(one.Key, one.Value, [.. _examples[one.Key]])),
                ];
            }
        }
    }

    /// <param name="path">For people.</param>
    public void Add(string path, string cause)
    {
        lock (_lock)
        {
            _counts[cause] = _counts.GetValueOrDefault(cause) + 1;
            List<string> examples = _examples.TryGetValue(cause, out List<string>? some) ? some : _examples[cause] = [];
            if (examples.Count < MostExamples)
            {
                examples.Add(path);
            }

            tell?.Invoke(path, cause);
        }
    }
}
