using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Engine;

/// <summary>Where a slot of <see cref="DecisionLog"/> is on its way to the disk.</summary>
enum DecisionState
{
    Free,
    /// <summary>Nobody has written it yet.</summary>
    Fresh,
    /// <summary>Somebody is at it.</summary>
    Leaving,
    /// <summary>On disk. It stays for a while, so that what is repeated is counted and not written again.</summary>
    Written,
}

/// <summary>
/// One decision as it is kept in memory: facts as they are at hand, which are put into words by who writes them. It is
/// used again for the next one.
/// </summary>
sealed class DecisionSlot
{
    readonly byte[] _comm = new byte[Accessor.MostName];
    int _commLength;
    Digest _digest;

    public DecisionState State { get; set; }

    /// <summary>The order in which they came.</summary>
    public long Order { get; set; }

    /// <summary>Its number in the record, once it is written.</summary>
    public long Seq { get; set; }

    /// <summary>Times it was repeated that are not written yet.</summary>
    public long Repeats { get; set; }

    /// <summary>Milliseconds of the Unix epoch.</summary>
    public long Time { get; private set; }

    /// <summary>When it was repeated last.</summary>
    public long Last { get; set; }

    public ref readonly Digest Digest => ref _digest;

    public int PathLength { get; private set; }

    public ReadOnlySpan<byte> Comm => _comm.AsSpan(0, _commLength);

    public DecisionOutcome Outcome { get; private set; }

    public ImaHook Hook { get; private set; }

    public int Pid { get; private set; }

    /// <summary>Null: whoever it was is gone.</summary>
    public uint? Uid { get; private set; }

    public FileStat Stat { get; private set; }

    public Finding Finding { get; private set; }

    public ImaRule? Rule { get; private set; }

    public AppraiseMode Mode { get; private set; }

    public string? Fault { get; private set; }

    public string? Violation { get; private set; }

    public ulong Policy { get; private set; }

    public Vouchers? Vouchers { get; private set; }

    public SecurityImaType Label { get; private set; }

    public ulong LabelTag { get; private set; }

    /// <summary>The key that its label names.</summary>
    public uint KeyId { get; private set; }

    /// <summary>Takes all but the path, of which it takes the length.</summary>
    public void Take(in Decision decision, in Digest digest, ReadOnlySpan<byte> comm, uint? uid, long now)
    {
        SecurityIma label = decision.File.SecurityIma;
        Time = Last = now;
        Repeats = Seq = 0;
        PathLength = Math.Min(decision.File.Path.Length, DecisionLog.MostPath);
        comm.CopyTo(_comm);
        _commLength = comm.Length;
        _digest = digest;
        (Outcome, Hook, Pid, Uid) = (decision.Outcome, decision.Hook, decision.Pid, uid);
        (Stat, Finding, Rule, Mode) = (decision.File.Stat, decision.Finding, decision.Rule, decision.Mode);
        (Fault, Violation, Policy, Vouchers) = (decision.Fault, decision.Violation, decision.Policy, decision.Vouchers);
        Label = label.Type;
        LabelTag = label.Value.IsEmpty ? 0 : LabelText.Tag(label.Value);
        KeyId = LabelText.KeyId(in label);
    }

    /// <summary>Becomes a copy, to be read in peace.</summary>
    public void CopyFrom(DecisionSlot other)
    {
        (State, Order, Seq, Repeats, Time, Last) = (other.State, other.Order, other.Seq, other.Repeats, other.Time, other.Last);
        PathLength = other.PathLength;
        other._comm.CopyTo(_comm, 0);
        _commLength = other._commLength;
        _digest = other._digest;
        (Outcome, Hook, Pid, Uid) = (other.Outcome, other.Hook, other.Pid, other.Uid);
        (Stat, Finding, Rule, Mode) = (other.Stat, other.Finding, other.Rule, other.Mode);
        (Fault, Violation, Policy, Vouchers) = (other.Fault, other.Violation, other.Policy, other.Vouchers);
        (Label, LabelTag, KeyId) = (other.Label, other.LabelTag, other.KeyId);
    }

    /// <summary>Holds on to nothing any more that may be large.</summary>
    public void Release() => (Rule, Vouchers) = (null, null);
}
