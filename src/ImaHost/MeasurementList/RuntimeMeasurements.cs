using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>What became of an entry.</summary>
enum StoreOutcome
{
    /// <summary>It is in the list and in the TPM.</summary>
    Stored,
    /// <summary>The same entry was there before (kernel: EEXIST); the file counts as measured.</summary>
    AlreadyThere,
    /// <summary>It is in the list, but the TPM does not follow.</summary>
    NotExtended,
    /// <summary>The disk refused it, or it is too large for any reader.</summary>
    NotStored,
}

/// <summary>What an entry tells.</summary>
enum EntryKind
{
    /// <summary>What a file or buffer holds: once is enough.</summary>
    Measurement,
    /// <summary>That it cannot be known: shows zeros, extends ones.</summary>
    Violation,
    /// <summary>That something happened: each time it does.</summary>
    Event,
}

/// <summary>
/// The measurement list (ima_queue.c): append first, then extend, both under one lock, so that the order of the list is
/// the order of the extends. Readers do not take that lock.
/// </summary>
sealed class RuntimeMeasurements : IDisposable
{

    readonly Lock _extendListMutex = new();
    readonly MeasurementLog _log;
    readonly DigestTable _table;
    readonly PcrExtender _extender;
    readonly DigestSet _digests;
    readonly ByteBuilder _record = new();
    readonly ByteBuilder _line = new();
    readonly ByteBuilder _scratch = new();
    byte[] _stored = new byte[1 << 12];
    long _violations;
    string? _refusal;

    /// <param name="digests">Contexts for this list alone.</param>
    public RuntimeMeasurements(MeasurementLog log, DigestTable table, PcrExtender extender, DigestSet digests)
    {
        _log = log;
        _table = table;
        _extender = extender;
        _digests = digests;
    }

    public MeasurementLog Log => _log;

    /// <summary>The boot that entries are made in.</summary>
    public string BootId { get; init; } = StateDirectory.BootId;

    /// <summary>Violation entries in the list.</summary>
    public long Violations => Volatile.Read(ref _violations);

    /// <summary>
    /// Why the last entry was not stored, until one is, or else why the TPM does not follow; null when all is well.
    /// </summary>
    public string? Fault => _refusal ?? _extender.Fault;

    /// <summary>Entries that the TPM has had.</summary>
    public long Extended => _extender.Extended;

    /// <summary>Entries that no TPM waits for: they are not read again to be extended.</summary>
    public long Settled => _extender.HasTpm ? _extender.Extended : long.MaxValue;

    /// <summary>The banks in which the kernel's entries are SHA-1 padded with zeros.</summary>
    public IReadOnlyList<HashAlgorithm> Padded
    {
        get
        {
            lock (_extendListMutex)
            {
                return _extender.Padded;
            }
        }
    }

    /// <summary>Takes in an entry that stands in the log already.</summary>
    public void Restore(in MeasurementRecord record, long position)
    {
        Render(in record);
        _violations += record.IsViolation ? 1 : 0;
        Recall(in record, position);
        _log.Publish(_record.Length, _line.Length);
    }

    /// <summary>Takes in an entry of a sealed segment.</summary>
    public void Recall(in MeasurementRecord record, long position)
    {
        if (!record.IsViolation && position >= _table.Covered)
        {
            Digest key = Key(in record);
            _table.Add(in key, position);
        }
    }

    /// <summary>
    /// Takes in a sealed segment without reading it, but for what the table of digests lacks. What was measured in an
    /// earlier boot is measured again, as the kernel does after a kexec (ima_restore_measurement_entry).
    /// </summary>
    public void Restore(LogSegment segment)
    {
        Manifest manifest = segment.Sealed!.Manifest;
        _violations += manifest.Violations;
        if (_table.Covered >= manifest.End.BinaryBytes)
        {
            return;
        }

        // What is not in the table nobody finds.
        if (manifest.BootId == BootId)
        {
            Recall(segment, manifest);
        }

        _table.Cover(manifest.End.BinaryBytes);
    }

    /// <summary>Closes the segment that grows, so that it can be sealed; what follows goes into the next.</summary>
    public void Cut()
    {
        lock (_extendListMutex)
        {
            _ = _log.TryCut();
        }
    }

    /// <summary>Adds an entry (ima_add_template_entry).</summary>
    public StoreOutcome Add(TemplateDescriptor template, ReadOnlySpan<byte> data, int pcr, EntryKind kind)
    {
        Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
        bool violation = kind == EntryKind.Violation;
        ReadOnlySpan<byte> hashed = template.HashedData(data, scratch);
        lock (_extendListMutex)
        {
            if (MeasurementRecord.WhyUnreadable(template.Utf8Name, data) is { } unreadable)
            {
                _refusal = $"an entry is not made: {unreadable}";
                return StoreOutcome.NotStored;
            }

            Digest shown = violation ? Digest.Zero(HashAlgorithm.Sha1) : _digests.Hash(HashAlgorithm.Sha1, hashed);
            var record = new MeasurementRecord
            {
                Pcr = pcr,
                TemplateDigest = shown.Bytes,
                TemplateName = template.Utf8Name,
                Data = data,
            };
            Digest key = Key(in record);
            if (kind == EntryKind.Measurement && Find(in key, in record, out bool extended))
            {
                return extended ? StoreOutcome.AlreadyThere : StoreOutcome.NotExtended;
            }

            if (_extender.Refuses(pcr))
            {
                _refusal = $"something else has extended PCR {pcr}: no entry in it could be replayed";
                return StoreOutcome.NotStored;
            }

            if (!TryAppend(in record, in key))
            {
                return StoreOutcome.NotStored;
            }

            _refusal = null;
            return _extender.Extend(hashed, pcr, violation) ? StoreOutcome.Stored : StoreOutcome.NotExtended;
        }
    }

    /// <summary>
    /// Looks after the TPM: checks that it still holds what it should, or catches up with what it missed.
    /// </summary>
    public void TendTpm()
    {
        lock (_extendListMutex)
        {
            if (_extender.Fault != null || _extender.Extended < _log.Extent.Entries)
            {
                _ = _extender.Resync();
            }
            else
            {
                _extender.Check();
            }

            _extender.Release();
        }
    }

    /// <summary>
    /// Can entries go into that PCR? Not when it holds what the list does not give: something else extends it.
    /// </summary>
    /// <param name="why">Why not.</param>
    public bool MayUse(int pcr, out string why)
    {
        lock (_extendListMutex)
        {
            return _extender.MayUse(pcr, out why);
        }
    }

    /// <summary>Does something with the TPM while no entry is added.</summary>
    /// <exception cref="TpmException">It is known not to answer: nobody waits for it once more.</exception>
    public T WithTpm<T>(Func<PcrExtender, T> act)
    {
        lock (_extendListMutex)
        {
            return _extender.Fault is { } fault ? throw new TpmException(fault) : act(_extender);
        }
    }

    /// <summary>Lets others have a TPM that admits one user at a time.</summary>
    public void ReleaseTpm()
    {
        lock (_extendListMutex)
        {
            _extender.Release();
        }
    }

    public void Dispose()
    {
        _extender.Dispose();
        _table.Dispose();
        _log.Dispose();
        _digests.Dispose();
    }

    void Recall(LogSegment segment, Manifest manifest)
    {
        if (segment.IsErased)
        {
            segment.RecallKeys(_table);
            return;
        }

        var reader = new LogReader(segment.Read);
        reader.Seek(manifest.FirstByte, manifest.FirstEntry);
        while (reader.Next(out MeasurementRecord record))
        {
            Recall(in record, reader.Offset);
        }
    }

    /// <summary>The kernel looks entries up by the digest in ima_hash; ours is always sha256.</summary>
    Digest Key(in MeasurementRecord record) => EntryKeys.Of(in record, _scratch, _digests);

    bool Find(in Digest key, in MeasurementRecord record, out bool extended)
    {
        extended = _extender.Fault == null;
        int size = record.Data.Length + MeasurementRecord.MostOverhead;
        if (_stored.Length < size)
        {
            _stored = new byte[size];
        }

        return _table.Contains(in key, IsSame, new Sought(this, record, key));
    }

    static bool IsSame(long position, Sought sought)
    {
        LogSegment segment = sought.List._log.SegmentAt(position);
        int got = segment.Read(sought.List._stored, position);

        // Bytes first: a segment may be erased at any moment, and its keys are there before its bytes are gone.
        return !MeasurementRecord.TryRead(sought.List._stored.AsSpan(0, got), out MeasurementRecord record, out _)
            ? segment.HasKey(position, in sought.Key)
            : record.Pcr == sought.Record.Pcr
            && record.TemplateName.SequenceEqual(sought.Record.TemplateName)
            && record.Data.SequenceEqual(sought.Record.Data);
    }

    bool TryAppend(in MeasurementRecord record, in Digest key)
    {
        Render(in record);
        long position = _log.Extent.BinaryBytes;
        try
        {
            // Both before the entry is there: what follows it must not fail.
            _table.Reserve();
            _log.Append(_record.Written, _line.Length);
        }
        catch (ErrnoException e)
        {
            _refusal = e.Message;
            return false;
        }

        if (record.IsViolation)
        {
            Volatile.Write(ref _violations, _violations + 1);
        }
        else
        {
            _table.Add(in key, position);
        }

        return true;
    }

    void Render(in MeasurementRecord record)
    {
        _record.Clear();
        _line.Clear();
        record.AppendBinary(_record);
        record.AppendAscii(_line);
    }

    readonly ref struct Sought(RuntimeMeasurements list, MeasurementRecord record, Digest key)
    {
        public readonly RuntimeMeasurements List = list;
        public readonly MeasurementRecord Record = record;
        public readonly Digest Key = key;
    }
}
