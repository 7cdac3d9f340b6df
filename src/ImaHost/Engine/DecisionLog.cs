using System.Buffers.Binary;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Events;
using ImaHost.Measurement;

namespace ImaHost.Engine;

/// <summary>
/// The decisions of the last moments, in a fixed number of slots: noting one allocates nothing and waits for no disk.
/// One thread writes them out (<see cref="DecisionWriter"/>); when it cannot keep up, what finds no slot is counted.
/// </summary>
sealed class DecisionLog
{
    /// <summary>Decisions that wait to be written, and those whose repetitions are counted.</summary>
    public const int Slots = 512;

    /// <summary>PATH_MAX, include/uapi/linux/limits.h.</summary>
    public const int MostPath = 4096;

    /// <summary>The same again within this time is counted, not written.</summary>
    const long FoldMilliseconds = 60_000;

    readonly object _gate = new(); // a Lock cannot be waited on
    readonly ulong[] _keys = new ulong[Slots];
    readonly DecisionSlot[] _slots = [.. Enumerable.Range(0, Slots).Select(_ => new DecisionSlot())];

    /// <summary>Apart, and not cleared: memory is used of as many slots as ever were.</summary>
    readonly byte[] _paths = GC.AllocateUninitializedArray<byte>(Slots * MostPath);

    /// <summary>The content that was allowed last, and what was in force then, of each file.</summary>
    readonly RecentFiles<UInt128> _allowed = new();

    long _order;
    long _dropped;
    int _hand;
    bool _isTight;
    long _wanted;
    long _done;

    /// <summary>Decisions that are lost to the record.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Notes a decision. What was allowed, once for each content under what is in force.</summary>
    public void Note(in Decision decision)
    {
        Digest digest = decision.Outcome == DecisionOutcome.Unjudged ? default : DigestOf(decision.File);
        if (!IsNews(in decision, in digest))
        {
            return;
        }

        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        ulong key = decision.Key(in digest);
        if (!decision.IsAllowed && TryFold(key, in decision, in digest, now))
        {
            return;
        }

        Span<byte> name = stackalloc byte[Accessor.MostName];
        int length = Accessor.ReadNameAndUid(decision.Pid, name, out uint? uid);
        lock (_gate)
        {
            int free = FindRoom();
            if (free < 0)
            {
                _dropped++;
                return;
            }

            DecisionSlot slot = _slots[free];
            slot.Take(in decision, in digest, name[..length], uid, now);
            decision.File.Path[..slot.PathLength].CopyTo(PathOf(free));
            slot.State = DecisionState.Fresh;
            slot.Order = ++_order;
            _keys[free] = key;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Asks for all of it to be on disk, repetitions too.</summary>
    /// <returns>False when it is not within that time.</returns>
    public bool Flush(int milliseconds)
    {
        long end = Environment.TickCount64 + milliseconds;
        lock (_gate)
        {
            long mine = ++_wanted;
            Monitor.PulseAll(_gate);
            while (_done < mine && Environment.TickCount64 < end)
            {
                _ = Monitor.Wait(_gate, (int)Math.Max(end - Environment.TickCount64, 1));
            }

            return _done >= mine;
        }
    }

    /// <summary>Waits until there is something to be written.</summary>
    /// <returns>The flush that was asked for last, for <see cref="Flushed"/>.</returns>
    public long Await(int milliseconds)
    {
        lock (_gate)
        {
            if (_done == _wanted && !_slots.Any(slot => slot.State == DecisionState.Fresh))
            {
                _ = Monitor.Wait(_gate, milliseconds);
            }

            return _wanted;
        }
    }

    /// <summary>That flush was asked for, and is not done.</summary>
    public bool IsWanted(long flush) => Volatile.Read(ref _done) < flush;

    public void Flushed(long flush)
    {
        lock (_gate)
        {
            _done = Math.Max(_done, flush);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Takes the next to be written: what is new in its order, then what was repeated.</summary>
    /// <param name="all">Also repetitions of something that may be repeated again.</param>
    /// <param name="into">Becomes a copy: one that has a number is repeated.</param>
    /// <param name="path">Becomes its path.</param>
    /// <returns>The slot, for <see cref="Settle"/>, or -1.</returns>
    public int Take(bool all, DecisionSlot into, Span<byte> path)
    {
        lock (_gate)
        {
            int taken = FindFresh();
            long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            for (int i = 0; taken < 0 && i < Slots; i++)
            {
                taken = IsDue(i, all, now) ? i : -1;
            }

            if (taken < 0)
            {
                _isTight = false;
                return taken;
            }

            DecisionSlot slot = _slots[taken];
            into.CopyFrom(slot);
            PathOf(taken)[..slot.PathLength].CopyTo(path);
            slot.State = DecisionState.Leaving;
            slot.Repeats = 0;
            return taken;
        }
    }

    /// <summary>A slot was written, or could not be.</summary>
    /// <param name="seq">Its number in the record; 0: it is lost.</param>
    public void Settle(int taken, long seq)
    {
        lock (_gate)
        {
            DecisionSlot slot = _slots[taken];
            if (seq == 0)
            {
                _dropped += 1 + slot.Repeats;
                Free(taken);
                return;
            }

            slot.Seq = seq;
            slot.State = DecisionState.Written;
            if (slot.Outcome is DecisionOutcome.Allowed or DecisionOutcome.Fixed)
            {
                // Its repetitions are nobody's question.
                Free(taken);
            }
        }
    }

    /// <summary>What was taken of the file; nothing when that failed.</summary>
    public static Digest DigestOf(CollectedFile file) =>
        file.Digest.Algorithm != null ? file.Digest : file.HasVerity ? file.Verity : default;

    /// <summary>What was allowed before with this content, by these rules and vouchers, is no news.</summary>
    bool IsNews(in Decision decision, in Digest digest)
    {
        UInt128 seen = 0;
        if (decision.IsAllowed)
        {
            UInt128 start = digest.Algorithm == null ? 0 : BinaryPrimitives.ReadUInt128BigEndian(digest.Bytes);
            seen = start ^ decision.Policy ^ (decision.Vouchers?.Stamp ?? 0);
        }

        Interop.FileStat stat = decision.File.Stat;
        return _allowed.Change(in stat, seen, static (_, now) => now) != seen || !decision.IsAllowed;
    }

    bool TryFold(ulong key, in Decision decision, in Digest digest, long now)
    {
        lock (_gate)
        {
            int at = _keys.AsSpan().IndexOf(key);
            if (at < 0)
            {
                return false;
            }

            DecisionSlot slot = _slots[at];
            ReadOnlySpan<byte> path = decision.File.Path[..Math.Min(decision.File.Path.Length, MostPath)];
            bool isSame = slot.PathLength == path.Length && PathOf(at)[..path.Length].SequenceEqual(path)
                && IsSame(in slot.Digest, in digest) && now - slot.Time < FoldMilliseconds;
            if (!isSame)
            {
                return false;
            }

            slot.Repeats++;
            slot.Last = now;
            return true;
        }
    }

    static bool IsSame(in Digest one, in Digest other) =>
        one.Algorithm == other.Algorithm && (one.Algorithm == null || one.Bytes.SequenceEqual(other.Bytes));

    /// <summary>A free slot, or one that is on disk with all its repetitions: the one that was longest so, roughly.</summary>
    int FindRoom()
    {
        int free = _keys.AsSpan().IndexOf(0ul);
        for (int i = 0; free < 0 && i < Slots; i++)
        {
            _hand = (_hand + 1) % Slots;
            if (_slots[_hand] is { State: DecisionState.Written, Repeats: 0 })
            {
                free = _hand;
            }
        }

        _isTight |= free < 0;
        return free;
    }

    int FindFresh()
    {
        int first = -1;
        for (int i = 0; i < Slots; i++)
        {
            if (_slots[i].State == DecisionState.Fresh && (first < 0 || _slots[i].Order < _slots[first].Order))
            {
                first = i;
            }
        }

        return first;
    }

    /// <summary>Its repetitions are to be written; what had none for long is only freed.</summary>
    bool IsDue(int at, bool all, long now)
    {
        DecisionSlot slot = _slots[at];
        if (slot.State != DecisionState.Written)
        {
            return false;
        }

        bool isOver = now - slot.Time >= FoldMilliseconds;
        if (isOver && slot.Repeats == 0)
        {
            Free(at);
        }

        return slot.Repeats > 0 && (isOver || all || _isTight);
    }

    void Free(int at)
    {
        _keys[at] = 0;
        _slots[at].State = DecisionState.Free;
        _slots[at].Release();
    }

    Span<byte> PathOf(int at) => _paths.AsSpan(at * MostPath, MostPath);
}
