using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>
/// Extends the TPM in the order of the list and knows how far it got. The caller waits, as the kernel's does under
/// ima_extend_list_mutex: no access is answered before its extend. A TPM that fails is left alone, so that the next
/// access does not wait for it too, until <see cref="Recover"/> finds it well. Callers hold the list's lock.
/// </summary>
sealed class PcrExtender : IDisposable
{
    readonly TpmCommands? _tpm;
    readonly PcrBanks _expected;
    readonly Digest[] _found;
    bool _mustCompare = true;

    /// <param name="tpm">Null: there is no TPM, and the list stands alone.</param>
    /// <param name="expected">The values the PCRs have if they follow the list.</param>
    public PcrExtender(TpmCommands? tpm, PcrBanks expected)
    {
        _tpm = tpm;
        _expected = expected;
        _found = new Digest[expected.Banks.Count];
    }

    /// <summary>The entries, counted from the first, whose extend is complete.</summary>
    public long Extended { get; private set; }

    /// <summary>Why the TPM does not follow the list, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>The TPM was reset, or somebody else extended our PCR: no later success mends that.</summary>
    public bool IsFinal { get; private set; }

    public string Name => _tpm?.Transport.Name ?? "none";

    /// <summary>Takes note of an entry that the TPM has had already.</summary>
    public void Adopt(int pcr, ReadOnlySpan<Digest> digests)
    {
        _expected.Extend(pcr, digests);
        Extended++;
    }

    /// <summary>Extends the next entry.</summary>
    /// <returns>False when the TPM does not follow; the entry then waits for <see cref="Recover"/>.</returns>
    public bool Extend(int pcr, ReadOnlySpan<Digest> digests)
    {
        if (Fault != null)
        {
            return false;
        }

        try
        {
            CompareIfNeeded(pcr);
            _tpm?.Extend(pcr, digests);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            Fault = e.Message;
            return false;
        }

        Adopt(pcr, digests);
        return true;
    }

    /// <summary>Lets go of a TPM that admits one user at a time; what others do to it is then checked for.</summary>
    public void Release()
    {
        _tpm?.Transport.Release();
        _mustCompare = _tpm != null;
    }

    /// <summary>Does the TPM still hold what it should? Sets <see cref="Fault"/> if not.</summary>
    public void Check(int pcr)
    {
        if (_tpm == null || Fault != null)
        {
            return;
        }

        _mustCompare = true;
        try
        {
            CompareIfNeeded(pcr);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            Fault = e.Message;
        }
    }

    /// <summary>Tries a failed TPM again and extends what it missed.</summary>
    /// <param name="missed">The entries from <see cref="Extended"/> on: calls back with each PCR and digests.</param>
    /// <returns>True when the TPM follows the list again.</returns>
    public bool Recover(IEnumerable<PendingEntry> missed)
    {
        if (IsFinal)
        {
            return false;
        }

        try
        {
            CatchUp(missed);
            Fault = null;
            return true;
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            Fault = e.Message;
            return false;
        }
    }

    public void Dispose() => _tpm?.Dispose();

    void CatchUp(IEnumerable<PendingEntry> missed)
    {
        bool first = true;
        foreach (PendingEntry entry in missed)
        {
            // The one that failed may have reached the TPM all the same.
            bool already = first && !Compare(entry.Pcr) && MatchesAfter(entry);
            if (first && !already)
            {
                RequireMatch(entry.Pcr);
            }

            first = false;
            if (!already)
            {
                _tpm?.Extend(entry.Pcr, entry.Digests);
            }

            Adopt(entry.Pcr, entry.Digests);
        }

        _mustCompare = true;
        foreach (int pcr in _expected.Used)
        {
            CompareIfNeeded(pcr);
        }
    }

    bool MatchesAfter(PendingEntry entry)
    {
        var after = new PcrBanks(_expected.Banks, new DigestSet());
        after.Set(entry.Pcr, _expected[entry.Pcr]);
        after.Extend(entry.Pcr, entry.Digests);
        return after.Match(entry.Pcr, _found);
    }

    void CompareIfNeeded(int pcr)
    {
        if (_mustCompare && _tpm != null)
        {
            RequireMatch(pcr);
            _mustCompare = false;
        }
    }

    void RequireMatch(int pcr)
    {
        if (!Compare(pcr))
        {
            IsFinal = true;
            throw new TpmException(Explain(pcr));
        }
    }

    bool Compare(int pcr)
    {
        if (_tpm == null)
        {
            return true;
        }

        for (int i = 0; i < _found.Length; i++)
        {
            _found[i] = _tpm.ReadPcr(_expected.Banks[i], pcr);
        }

        return _expected.Match(pcr, _found);
    }

    string Explain(int pcr) => _found[0].Bytes.ContainsAnyExcept((byte)0)
        ? $"PCR {pcr} of {Name} holds {_found[0]}, not {_expected[pcr][0]}: something else extended it"
        : $"PCR {pcr} of {Name} is zero: the TPM was reset under a list of {Extended} entries";
}

/// <summary>An entry the TPM has not had yet.</summary>
readonly record struct PendingEntry(int Pcr, Digest[] Digests);
