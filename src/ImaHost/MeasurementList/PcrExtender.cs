using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>
/// Extends the TPM in the order of the list and knows how far it got. The caller waits, as the kernel's does under
/// ima_extend_list_mutex: no access is answered before its extend. A TPM that fails is left alone, so that the next
/// access does not wait for it too, until <see cref="Resync"/> finds it well. Callers hold the list's lock.
/// </summary>
sealed class PcrExtender : IDisposable
{
    readonly TpmCommands? _tpm;
    readonly MeasurementLog _log;
    readonly DigestSet _digests;
    readonly HashAlgorithm[] _banks;
    readonly EntryDigests _entry;
    readonly LogReader _reader;
    readonly PcrQuoter? _quoter;
    PcrBanks _expected;
    HashAlgorithm[] _forms;
    IReadOnlyList<HashAlgorithm> _padded = [];
    ReplayBase _base;
    bool _mustCompare = true;

    /// <param name="tpm">Null: there is no TPM, and the list stands alone.</param>
    /// <param name="banks">The TPM's allocated banks.</param>
    /// <param name="key">Which key signs quotes, as <see cref="AttestationKey"/> takes it.</param>
    /// <param name="made">That key, if it was made before.</param>
    public PcrExtender(
        TpmCommands? tpm, MeasurementLog log, IReadOnlyList<HashAlgorithm> banks, DigestSet digests, string key, MadeKey? made = null)
    {
        _tpm = tpm;
        _log = log;
        _digests = digests;
        _banks = [.. banks];
        _entry = new EntryDigests(banks, digests);
        _reader = new LogReader(log.ReadBinary);
        _expected = new PcrBanks(banks, digests);
        _forms = _banks;
        _quoter = tpm == null ? null : new PcrQuoter(tpm, _banks, new AttestationKey(tpm, key, made));
        _base = FirstBase;
    }

    /// <summary>Has the PCRs quoted.</summary>
    /// <exception cref="TpmException">There is no TPM.</exception>
    public PcrQuoter Quoter => _quoter ?? throw new TpmException("there is no TPM that could quote (tpm: none)");

    /// <summary>There is a TPM that should follow the list.</summary>
    public bool HasTpm => _tpm != null;

    /// <summary>The entries, counted from the first, whose extend is complete.</summary>
    public long Extended { get; private set; }

    /// <summary>The banks in which the kernel's entries are SHA-1 padded with zeros.</summary>
    public IReadOnlyList<HashAlgorithm> Padded => _padded;

    /// <summary>Why the TPM does not follow the list, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>The TPM was reset, or somebody else extended our PCR: no later success mends that.</summary>
    public bool IsFinal { get; private set; }

    /// <summary>Extends the next entry.</summary>
    /// <param name="hashed">What template digests are taken of.</param>
    /// <returns>False when the TPM does not follow; the entry then waits for <see cref="Resync"/>.</returns>
    public bool Extend(ReadOnlySpan<byte> hashed, int pcr, bool violation) =>
        Fault == null && Try(
            this,
            (self, entry) =>
            {
                self.CompareIfNeeded();
                self.ExtendNext(entry.Hashed, entry.Pcr, entry.IsViolation);
            },
            new Entry(hashed, pcr, violation));

    /// <summary>Does the TPM still hold what it should? Sets <see cref="Fault"/> if not.</summary>
    public void Check()
    {
        _mustCompare = true;
        _ = Fault == null && Try(this, static (self, _) => self.CompareIfNeeded(), default);
    }

    /// <summary>
    /// Is it a PCR without entries so far, and something else has extended it? An entry in it could never be replayed. A
    /// TPM that is away refuses nothing: the entry then waits.
    /// </summary>
    public bool Refuses(int pcr)
    {
        try
        {
            return Fault == null && !_expected.IsUsed(pcr) && !Agrees(pcr);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Does that PCR hold what the list gives?</summary>
    /// <param name="why">What it holds instead, or why it cannot be read.</param>
    public bool MayUse(int pcr, out string why)
    {
        why = "";
        try
        {
            if (Agrees(pcr))
            {
                return true;
            }

            why = $"PCR {pcr} of {_tpm!.Transport.Name} is extended by something else";
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            why = e.Message;
        }

        return false;
    }

    /// <summary>
    /// Finds the entry after which the PCRs hold what they hold now, and extends those that follow it: after a start, a
    /// crash between append and extend, or a time in which the TPM was away.
    /// </summary>
    /// <returns>True when the TPM follows the list.</returns>
    public bool Resync() => !IsFinal && Try(this, static (self, _) => self.CatchUp(), default);

    /// <summary>Quotes the PCRs, which then hold what the whole list gives.</summary>
    /// <returns>Null when some PCR holds something else than is known of it: it may have been extended just now.</returns>
    /// <exception cref="TpmException">The TPM does not follow the list, or refuses.</exception>
    /// <exception cref="IOException">The TPM failed.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public Quote? TryQuote(ReadOnlySpan<byte> nonce)
    {
        Follow();
        Quote? quote = Quoter.TryQuote(nonce, _expected);
        if (quote == null)
        {
            Check();
        }

        return quote;
    }

    /// <summary>What the PCRs hold, which is what the whole list gives.</summary>
    /// <param name="digests">For whoever gets it.</param>
    /// <exception cref="TpmException">The TPM does not follow the list.</exception>
    public PcrBanks Held(DigestSet digests)
    {
        Follow();
        return _expected.Clone(digests);
    }

    /// <summary>Lets go of a TPM that admits one user at a time; what others do to it is then checked for.</summary>
    public void Release()
    {
        if (_tpm is { Transport.AdmitsOneUser: true })
        {
            _tpm.Release();
            _mustCompare = true;
        }
    }

    public void Dispose() => _tpm?.Dispose();

    readonly ref struct Entry(ReadOnlySpan<byte> hashed, int pcr, bool violation)
    {
        public readonly ReadOnlySpan<byte> Hashed = hashed;
        public readonly int Pcr = pcr;
        public readonly bool IsViolation = violation;
    }

    delegate void Step(PcrExtender self, Entry entry);

    static bool Try(PcrExtender self, Step step, Entry entry)
    {
        try
        {
            step(self, entry);
            self.Fault = null;
            return true;
        }
        catch (Exception e) when (e is IOException or TimeoutException or RecordException)
        {
            self.Fault = e.Message;
            return false;
        }
    }

    void ExtendNext(ReadOnlySpan<byte> hashed, int pcr, bool violation)
    {
        _entry.Compute(hashed, violation);
        _tpm?.Extend(pcr, _entry.Values);
        _expected.Extend(pcr, _entry.Values);
        Extended++;
    }

    /// <summary>Has the TPM catch up.</summary>
    void Follow()
    {
        if (Fault != null || Extended < _log.Extent.Entries)
        {
            _ = Resync();
        }

        if (Fault is { } fault)
        {
            throw new TpmException($"a quote would not vouch for the list: {fault}");
        }
    }

    ReplayBase FirstBase => new(default, new PcrBanks(_banks, _digests), ByKernel: true);

    void CatchUp()
    {
        if (_tpm == null)
        {
            Extended = _log.Extent.Entries;
            return;
        }

        Replay(CountHeld());
        Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
        while (_reader.Next(out MeasurementRecord record))
        {
            ExtendNext(record.HashedData(scratch), record.Pcr, record.IsViolation);
        }
    }

    /// <summary>
    /// Makes <see cref="_expected"/> what the PCRs hold after the first entries, from the base on; the reader stands behind
    /// them.
    /// </summary>
    void Replay(long entries)
    {
        Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
        var digests = new Digest[_banks.Length];
        bool byKernel = _base.ByKernel;
        _expected = _base.Pcrs.Clone(_digests);
        GoToBase();
        for (Extended = _base.Extent.Entries; Extended < entries && _reader.Next(out MeasurementRecord record); Extended++)
        {
            byKernel = byKernel && !SegmentReplay.IsHostStart(in record);
            ReadOnlySpan<byte> hashed = record.HashedData(scratch);
            for (int i = 0; i < digests.Length; i++)
            {
                digests[i] = EntryDigests.Of(
                    _banks[i], byKernel ? _forms[i] : _banks[i], hashed, record.IsViolation, _digests);
            }

            _expected.Extend(record.Pcr, digests);
        }
    }

    /// <summary>
    /// After how many entries do the PCRs hold what they hold now? That is looked for behind the last sealed segment, and
    /// before it only if it is not there: what sealed segments end in need not be computed again.
    /// </summary>
    long CountHeld()
    {
        var held = new LivePcrs(_tpm!, _banks);
        PcrSearch? latest = null;
        foreach (ReplayBase candidate in Bases())
        {
            _base = candidate;
            var search = new PcrSearch(_banks, held.TryGet, _digests, candidate.Extent == default ? null : candidate);
            search.Run(() => GoToBase());
            latest ??= search;
            if (search.Matched > 0)
            {
                _padded = [.. search.Banks.Where(bank => bank.IsPadded).Select(bank => bank.Bank)];
                _forms = [.. search.Banks.Select(bank => bank.IsPadded ? HashAlgorithm.Sha1 : bank.Bank)];
                return search.Matched;
            }
        }

        return CountNone(latest!, held);
    }

    /// <summary>
    /// Where replays can begin, latest first, each four times as far back as the one before, so that to look everywhere
    /// takes little longer than one walk through all. Nothing can be replayed across a segment that is erased.
    /// </summary>
    IEnumerable<ReplayBase> Bases()
    {
        IReadOnlyList<LogSegment> segments = _log.Segments;
        int back = 2;
        for (int i = segments.Count - 1; i >= 0; i--)
        {
            bool isTurn = segments.Count - i >= back || segments[i].IsErased;
            if (isTurn && segments[i].Sealed != null && TryReadBase(segments[i].ReadSealed().Manifest) is { } found)
            {
                back *= 4;
                yield return found;
            }

            if (segments[i].IsErased)
            {
                yield break;
            }
        }

        yield return FirstBase;
    }

    /// <summary>Null where another TPM had other banks.</summary>
    ReplayBase? TryReadBase(Manifest manifest)
    {
        PcrBanks pcrs = PcrTables.Read(manifest.PcrsAfter, _digests);
        return pcrs.Banks.SequenceEqual(_banks)
            ? new ReplayBase(manifest.End, pcrs, manifest.KernelEntries == manifest.Entries)
            : null;
    }

    LogReader GoToBase()
    {
        _reader.Seek(_base.Extent.BinaryBytes, _base.Extent.Entries);
        return _reader;
    }

    /// <summary>Nothing was extended yet, which is credible only of a list that has just begun.</summary>
    long CountNone(PcrSearch search, LivePcrs held)
    {
        var blank = new PcrBanks(_banks, _digests);
        if (_log.Extent.Entries <= 1 && search.Pcrs.All(pcr => blank.Match(pcr, held[pcr])))
        {
            return 0;
        }

        IsFinal = true;
        int pcr = search.Banks.Select(bank => bank.Foreign).FirstOrDefault(one => one != null) ?? search.Pcrs.First();
        throw new TpmException(Explain(pcr, held[pcr][0]));
    }

    bool Agrees(int pcr) => _tpm == null || _expected.Match(pcr, _tpm.ReadPcr(_banks, pcr));

    void CompareIfNeeded()
    {
        if (!_mustCompare || _tpm == null)
        {
            return;
        }

        foreach (int pcr in _expected.Used)
        {
            Compare(pcr);
        }

        _mustCompare = false;
    }

    void Compare(int pcr)
    {
        Digest[] held = _tpm!.ReadPcr(_banks, pcr);
        if (!_expected.Match(pcr, held))
        {
            IsFinal = true;
            throw new TpmException(Explain(pcr, held[0]));
        }
    }

    string Explain(int pcr, Digest held)
    {
        string where = $"PCR {pcr} of {_tpm!.Transport.Name}";
        string list = $"the {_log.Extent.Entries} entries of {_log.Path}";
        return held.Bytes.ContainsAnyExcept((byte)0)
            ? $"{where} holds {held}, which {list} do not give: {(KernelList.Find() is { GoesOn: true }
                ? "the kernel's own IMA measures into it too"
                : "something else extended it")}. Configure another PCR (pcr: in imahost.yaml), or reboot"
            : $"{where} is zero, which {list} do not give: the TPM was reset. Reboot, or move that file away to begin"
                + " a new list";
    }
}
