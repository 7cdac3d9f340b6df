using System.Globalization;
using ImaHost.Appraisal;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>
/// Writes decisions to the disk, in a thread of its own: a disk that is full or does not answer holds this thread and
/// nobody else.
/// </summary>
/// <param name="limit">Bytes of one file at most.</param>
sealed class DecisionWriter(DecisionLog decisions, string state, ILogger log, long limit = DecisionHistory.FileLimit)
    : IDisposable
{
    const int TickMilliseconds = 1000;

    readonly DecisionSlot _slot = new();
    readonly byte[] _path = new byte[DecisionLog.MostPath];
    readonly DecisionFile _denied = new(DecisionHistory.DeniedIn(state), limit);
    readonly DecisionFile _allowed = new(DecisionHistory.AllowedIn(state), limit);
    long _seq;
    long _written;
    long _toldDropped;
    string? _said;

    /// <summary>Lines written by this host.</summary>
    public long Written => Volatile.Read(ref _written);

    /// <summary>Writes for as long as the process lives.</summary>
    public void Run()
    {
        _seq = ReadLastSeq();
        for (;;)
        {
            Step(TickMilliseconds);
        }
    }

    /// <summary>Waits for decisions, and writes those that are there.</summary>
    public void Step(int milliseconds)
    {
        long flush = decisions.Await(milliseconds);
        bool all = decisions.IsWanted(flush);
        while (decisions.Take(all, _slot, _path) is >= 0 and int taken)
        {
            bool isRepeated = _slot.State == DecisionState.Written;
            long seq = isRepeated ? _slot.Seq : _seq + 1;
            bool isThere = TryWrite(FileOf(_slot.Outcome), isRepeated ? Repetition(_slot) : Describe(seq));
            _seq = isThere ? Math.Max(_seq, seq) : _seq;
            decisions.Settle(taken, isThere ? seq : 0);
        }

        TellDropped();
        decisions.Flushed(flush);
    }

    public void Dispose()
    {
        _denied.Dispose();
        _allowed.Dispose();
    }

    /// <summary>A record that cannot be read begins anew, with numbers that nothing has used.</summary>
    long ReadLastSeq()
    {
        try
        {
            return DecisionHistory.Read(state).LastSeq;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Say(e.Message);
            return DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        }
    }

    DecisionFile FileOf(DecisionOutcome outcome) =>
        outcome is DecisionOutcome.Allowed or DecisionOutcome.Fixed ? _allowed : _denied;

    bool TryWrite(DecisionFile file, DecisionRecord record)
    {
        try
        {
            file.Append(record.ToLine());
            Volatile.Write(ref _written, _written + 1);
            _said = null;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Say(e.Message);
            return false;
        }
    }

    /// <summary>How many are missing stands in the record, as soon as it can be written again.</summary>
    void TellDropped()
    {
        long dropped = decisions.Dropped;
        var gap = new DecisionRecord
        {
            Seq = _seq + 1, Time = DateTime.UtcNow, Outcome = DecisionOutcome.Dropped, Count = dropped - _toldDropped,
        };
        if (gap.Count > 0 && TryWrite(_denied, gap))
        {
            _seq++;
            _toldDropped = dropped;
        }
    }

    void Say(string cause)
    {
        if (_said != cause)
        {
            _said = cause;
            EngineLog.NotRecorded(log, cause);
        }
    }

    static DecisionRecord Repetition(DecisionSlot slot) =>
        new() { Seq = slot.Seq, Time = TimeOf(slot.Time), Count = slot.Repeats, Last = TimeOf(slot.Last) };

    DecisionRecord Describe(long seq)
    {
        DecisionSlot slot = _slot;
        Vouchers? vouchers = slot.Vouchers;
        (string? reference, string? package) =
            vouchers == null ? default : ReferenceText.Of(vouchers.References, slot.Finding.Reference);
        uint key = slot.Finding.KeyId == 0 ? slot.KeyId : slot.Finding.KeyId;
        return new DecisionRecord
        {
            Seq = seq,
            Time = TimeOf(slot.Time),
            Outcome = slot.Outcome,
            Path = EntryName.ToText(_path.AsSpan(0, slot.PathLength)),
            Device = DeviceOf(slot.Stat),
            Inode = slot.Stat.Inode,
            Hook = slot.Hook.Name(),
            Pid = slot.Pid,
            Comm = EntryName.ToText(slot.Comm),
            Uid = slot.Uid,
            Cause = slot.Fault ?? (slot.Finding.Passes ? null : AppraisalText.Cause(slot.Finding.Outcome)),
            Rule = slot.Rule?.ToString(),
            Origin = slot.Rule?.Origin,
            Mode = (slot.Rule?.OnlyLogs == true ? AppraiseMode.Log : slot.Mode).ToString().ToLowerInvariant(),
            Digest = slot.Digest.Algorithm == null ? null : slot.Digest.ToString(),
            Label = LabelText.Kind(slot.Label),
            LabelTag = Hex(slot.LabelTag),
            Key = LabelText.Key(key),
            By = slot.Finding.By == Vouching.None ? null : string.Join('|', Vouchings.NamesOf(slot.Finding.By)),
            Reference = reference,
            Package = package,
            Violation = slot.Violation,
            Policy = Hex(slot.Policy),
            Keys = Hex(vouchers?.Keys.Stamp),
            Blacklist = Hex(vouchers?.Blacklist.Stamp),
            References = Hex(vouchers?.References.Stamp),
            Count = 1 + slot.Repeats,
            Last = slot.Repeats > 0 ? TimeOf(slot.Last) : null,
        };
    }

    /// <summary>As the record names a filesystem.</summary>
    public static string DeviceOf(in FileStat stat) =>
        string.Create(CultureInfo.InvariantCulture, $"{stat.DeviceMajor}:{stat.DeviceMinor}");

    /// <summary>As the record writes numbers that tell what was in force.</summary>
    public static string? Hex(ulong? number) => number?.ToString("x16", CultureInfo.InvariantCulture);

    static DateTime TimeOf(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).UtcDateTime;
}
