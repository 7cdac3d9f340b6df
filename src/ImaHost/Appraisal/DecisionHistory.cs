namespace ImaHost.Appraisal;

/// <summary>
/// The decisions that a state directory keeps, oldest first. Those that allowed stand in files of their own: a machine
/// that is being installed must not push out what was denied, nor the other way round.
/// </summary>
sealed class DecisionHistory
{
    /// <summary>Bytes of one file at most; there are two of each kind.</summary>
    public const long FileLimit = 4 << 20;

    const string Directory = "decisions";

    readonly SortedDictionary<long, DecisionRecord> _records = [];

    DecisionHistory()
    {
    }

    public IReadOnlyCollection<DecisionRecord> Records => _records.Values;

    /// <summary>Decisions that are not in the record: they came faster than it could be written, or the disk was full.</summary>
    public long Dropped { get; private set; }

    /// <summary>Lines that are none, as a power cut leaves them.</summary>
    public int Damaged { get; private set; }

    /// <summary>Of what was denied, would have been, or could not be judged.</summary>
    public static string DeniedIn(string state) => Path.Combine(state, Directory, "denied");

    /// <summary>Of what was allowed.</summary>
    public static string AllowedIn(string state) => Path.Combine(state, Directory, "allowed");

    /// <exception cref="IOException">Some file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static DecisionHistory Read(string state)
    {
        var history = new DecisionHistory();
        foreach (string path in (string[])[AllowedIn(state), DeniedIn(state)])
        {
            history.Take(DecisionFile.Before(path));
            history.Take(path);
        }

        return history;
    }

    /// <summary>The highest number that is in use.</summary>
    public long LastSeq => _records.Count == 0 ? 0 : _records.Keys.Max();

    /// <summary>A file that is made anew while we read is read once, in one piece.</summary>
    void Take(string path)
    {
        byte[] all;
        try
        {
            all = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return;
        }

        foreach (Range range in MemoryExtensions.Split(all.AsSpan(), (byte)'\n'))
        {
            ReadOnlySpan<byte> line = all.AsSpan()[range];
            if (!line.IsEmpty)
            {
                Take(DecisionRecord.TryParse(line));
            }
        }
    }

    void Take(DecisionRecord? record)
    {
        if (record == null)
        {
            Damaged++;
        }
        else if (record.Outcome == DecisionOutcome.Dropped)
        {
            Dropped += record.Count;
        }
        else if (record.Outcome != null)
        {
            _records[record.Seq] = record;
        }
        else if (_records.TryGetValue(record.Seq, out DecisionRecord? first))
        {
            _records[record.Seq] = first with { Count = first.Count + record.Count, Last = record.Last };
        }
    }
}
