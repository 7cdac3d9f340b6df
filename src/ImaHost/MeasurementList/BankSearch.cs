using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>
/// Replays a list in one PCR bank, entry by entry, and remembers after which its PCRs held what they hold now.
/// </summary>
/// <param name="isPadded">
/// What the kernel wrote was extended as SHA-1 padded with zeros: it had no implementation of the bank's algorithm.
/// </param>
sealed class BankSearch(HashAlgorithm bank, bool isPadded, PcrSource source, DigestSet digests)
{
    readonly PcrBanks _replayed = new([bank], digests);
    readonly Dictionary<int, Digest> _held = [];
    readonly HashSet<int> _wrong = [];
    readonly HashSet<int> _agreed = [];
    readonly List<int> _missing = [];

    public HashAlgorithm Bank => bank;

    public bool IsPadded => isPadded;

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
            Meet(pcr, number);
        }

        _replayed.Extend(pcr, [digest]);
        Compare(pcr);
        if (!_wrong.Contains(pcr))
        {
            _ = _agreed.Add(pcr);
        }

        Matched = _wrong.Count == 0 ? number : Matched;
    }

    /// <summary>The first entry of a PCR: was what we took for a match before one in this PCR too?</summary>
    void Meet(int pcr, long number)
    {
        if (!source(bank, pcr, out Digest held))
        {
            _missing.Add(pcr);
        }

        _held.Add(pcr, held);
        Compare(pcr);
        Matched = number == 1 && _wrong.Count == 0 ? 0 : _wrong.Contains(pcr) ? -1 : Matched;
    }

    void Compare(int pcr)
    {
        Digest held = _held[pcr];
        if (held.Algorithm == bank && held.Bytes.SequenceEqual(_replayed[pcr][0].Bytes))
        {
            _ = _wrong.Remove(pcr);
        }
        else
        {
            _ = _wrong.Add(pcr);
        }
    }
}
