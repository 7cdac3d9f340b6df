using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>Where a replay begins: after how many entries, and what the PCRs held then.</summary>
/// <param name="ByKernel">The kernel may have extended what follows.</param>
sealed record ReplayBase(LogExtent Extent, PcrBanks Pcrs, bool ByKernel);

/// <summary>
/// Replays a list in one PCR bank, entry by entry, and remembers after which its PCRs held what they hold now.
/// </summary>
sealed class BankSearch
{
    readonly HashAlgorithm _bank;
    readonly bool _isPadded;
    readonly PcrSource _source;
    readonly PcrBanks _replayed;
    readonly Dictionary<int, Digest> _held = [];
    readonly HashSet<int> _wrong = [];
    readonly HashSet<int> _agreed = [];
    readonly List<int> _missing = [];

    /// <param name="isPadded">
    /// What the kernel wrote was extended as SHA-1 padded with zeros: it had no implementation of the bank's algorithm.
    /// </param>
    /// <param name="from">Where it begins; null: with the first entry.</param>
    public BankSearch(HashAlgorithm bank, bool isPadded, PcrSource source, DigestSet digests, ReplayBase? from = null)
    {
        _bank = bank;
        _isPadded = isPadded;
        _source = source;
        _replayed = new PcrBanks([bank], digests);
        if (from == null)
        {
            return;
        }

        int place = from.Pcrs.Banks.ToList().IndexOf(bank);
        foreach (int pcr in from.Pcrs.Used)
        {
            _replayed.Set(pcr, from.Pcrs[pcr].Slice(place, 1));
            Meet(pcr);
            NoteAgreement(pcr);
        }

        Matched = _wrong.Count == 0 ? from.Extent.Entries : -1;
    }

    public HashAlgorithm Bank => _bank;

    public bool IsPadded => _isPadded;

    /// <summary>The entries, counted from the first, after which all PCRs agree; -1: there is no such point.</summary>
    public long Matched { get; private set; } = -1;

    /// <summary>The PCRs of the list.</summary>
    public IReadOnlyCollection<int> Pcrs => _held.Keys;

    /// <summary>A PCR that agrees after none of its entries, or null.</summary>
    public int? Foreign => _held.Keys.Where(pcr => !_agreed.Contains(pcr)).Cast<int?>().FirstOrDefault();

    /// <summary>PCRs of the list whose value is not known.</summary>
    public IReadOnlyList<int> Missing => _missing;

    /// <summary>The value of a PCR after the last entry taken.</summary>
    public Digest ValueOf(int pcr) => _replayed[pcr][0];

    /// <summary>Extends one entry.</summary>
    /// <param name="number">Its number, counted from 1.</param>
    public void Take(int pcr, in Digest digest, long number)
    {
        if (!_held.ContainsKey(pcr))
        {
            // Was what we took for a match before one in this PCR too?
            Meet(pcr);
            Matched = number == 1 && _wrong.Count == 0 ? 0 : _wrong.Contains(pcr) ? -1 : Matched;
        }

        _replayed.Extend(pcr, [digest]);
        Compare(pcr);
        NoteAgreement(pcr);
        Matched = _wrong.Count == 0 ? number : Matched;
    }

    void NoteAgreement(int pcr)
    {
        if (!_wrong.Contains(pcr))
        {
            _ = _agreed.Add(pcr);
        }
    }

    void Meet(int pcr)
    {
        if (!_source(_bank, pcr, out Digest held))
        {
            _missing.Add(pcr);
        }

        _held.Add(pcr, held);
        Compare(pcr);
    }

    void Compare(int pcr)
    {
        Digest held = _held[pcr];
        if (held.Algorithm == _bank && held.Bytes.SequenceEqual(_replayed[pcr][0].Bytes))
        {
            _ = _wrong.Remove(pcr);
        }
        else
        {
            _ = _wrong.Add(pcr);
        }
    }
}
