using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>
/// The lists beside the one that is written: of earlier boots, and of this one for another PCR or an emulated TPM that is
/// gone. Nobody adds to them. What their hosts could not do any more is done here: they are sealed up to their ends, and
/// erased by the same rules. For a thread that no access waits for.
/// </summary>
sealed class EarlierLists : IDisposable
{
    readonly RuntimeMeasurements _current;
    readonly IReadOnlyList<HashAlgorithm> _banks;
    readonly string _version;
    readonly DigestSet _digests = new();
    readonly Lock _gate = new();
    volatile bool _isSealed;
    volatile string? _fault;

    /// <param name="current">The list that is written.</param>
    /// <param name="version">Of the host, for the manifests.</param>
    public EarlierLists(RuntimeMeasurements current, ListSettings settings, string version)
    {
        _current = current;
        _banks = settings.Banks.Count > 0 ? settings.Banks : PcrTables.WithoutTpm;
        _version = version;
        string state = Path.GetDirectoryName(Path.GetDirectoryName(current.Log.Path))!;
        Paths = [.. ListsByName.In(state).Where(list => list != current.Log.Path)];
    }

    /// <summary>Their directories, oldest first.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>Everything is sealed that can be.</summary>
    public bool IsSealed => _isSealed;

    /// <summary>Why something of them could not be erased, or null.</summary>
    public string? Fault => _fault;

    /// <summary>
    /// Seals what is left of each, once. No TPM is asked: the one that could vouch for it has begun anew since. What is
    /// damaged stays as it is.
    /// </summary>
    /// <param name="warn">Hears of what cannot be sealed.</param>
    /// <param name="say">Hears which lists were.</param>
    public void Seal(Action<string> warn, Action<string, int> say)
    {
        if (IsSealed)
        {
            return;
        }

        lock (_gate)
        {
            foreach (string list in IsSealed ? [] : Paths)
            {
                TrySeal(list, warn, say);
            }

            _isSealed = true;
        }
    }

    /// <summary>Erases what need not be kept of them. The first segment that cannot be erased ends it with a <see cref="Fault"/>.</summary>
    /// <param name="missing">Of a list, the first segment that somebody has not had who gets them; null: nobody does.</param>
    /// <param name="erased">Hears of each.</param>
    public void Apply(Retention retention, Func<string, int?> missing, Action<string, ErasedSegment> erased)
    {
        if (retention.Kind == RetentionKind.All)
        {
            return;
        }

        lock (_gate)
        {
            _fault = null;
            int later = _current.Log.Segments.Count(one => one.Sealed != null);
            foreach (string list in Paths.Reverse())
            {
                IReadOnlyList<SealedSegment> chain = SealedChain.Read(list, _digests, out _);
                Apply(list, chain, retention.Before(later), missing(list), erased);
                later += chain.Count;
            }
        }
    }

    public void Dispose() => _digests.Dispose();

    static string Unsealable(string list, string why) =>
        $"what an earlier host has left of {list} cannot be sealed, and stays as it is: {why}";

    void TrySeal(string list, Action<string> warn, Action<string, int> say)
    {
        try
        {
            int count = Seal(list, warn);
            if (count > 0)
            {
                say(list, count);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RecordException)
        {
            warn(Unsealable(list, e.Message));
        }
    }

    int Seal(string list, Action<string> warn)
    {
        IReadOnlyList<SealedSegment> chain = SealedChain.Read(list, _digests, out SealedChain walked);
        if (walked.Damaged is { } damaged)
        {
            warn($"{damaged} does not follow the manifests before it: what follows of that list is neither sealed nor erased");
            return 0;
        }

        // It is not known what the TPM of that time has had in the end.
        HashAlgorithm[] padded = chain.Count == 0 ? [] : chain[^1].Manifest.ReadPadded();
        int count = ListTail.HasBytes(list, chain.Count)
            ? ListTail.Seal(list, chain, _banks, new SealFacts(ListsByName.BootOf(list), padded, Extended: false, _version), _digests)
            : 0;
        int end = chain.Count + count;
        if (ListTail.FindBehind(list, end) is { } behind)
        {
            warn(Unsealable(list, $"segment {end} has no entry, but segment {behind} follows"));
        }
        else if (end > 0 && ListsByName.BootOf(list) != _current.BootId)
        {
            ListTail.DropEmpty(list, end);
        }

        return count;
    }

    void Apply(
        string list, IReadOnlyList<SealedSegment> chain, Retention retention, int? missing, Action<string, ErasedSegment> erased)
    {
        try
        {
            foreach (ErasedSegment one in SegmentEraser.EraseBy(
                retention, list, chain, missing, _current.BootId, DateTime.UtcNow, _digests))
            {
                erased(list, one);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RecordException)
        {
            _fault = $"a segment of {list} cannot be erased: {e.Message}";
        }
    }
}
