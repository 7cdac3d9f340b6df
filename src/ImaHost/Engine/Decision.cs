using ImaHost.Appraisal;
using ImaHost.Measurement;
using ImaHost.Policy;

namespace ImaHost.Engine;

/// <summary>What came of appraising one access, and what it rests on.</summary>
readonly ref struct Decision
{
    public required DecisionOutcome Outcome { get; init; }

    public required ImaHook Hook { get; init; }

    /// <summary>Who accesses; 0: not visible from here.</summary>
    public required int Pid { get; init; }

    public required CollectedFile File { get; init; }

    public Finding Finding { get; init; }

    /// <summary>The rule that decides; null: it could not be judged.</summary>
    public ImaRule? Rule { get; init; }

    public AppraiseMode Mode { get; init; }

    /// <summary>Why it could not be judged.</summary>
    public string? Fault { get; init; }

    /// <summary>The violation that the same access brought.</summary>
    public string? Violation { get; init; }

    /// <summary>The fingerprint of the policy that was asked.</summary>
    public ulong Policy { get; init; }

    /// <summary>What the file was held against.</summary>
    public Vouchers? Vouchers { get; init; }

    public bool IsAllowed => Outcome is DecisionOutcome.Allowed or DecisionOutcome.Fixed;

    /// <summary>The same for the same thing happening again: to that file, with that content, for that reason.</summary>
    public ulong Key(in Crypto.Digest digest)
    {
        ulong key = LabelText.Tag(File.Path);
        key = digest.Algorithm == null ? key : LabelText.Tag(digest.Bytes, key);
        key = LabelText.Tag([(byte)Outcome, (byte)Finding.Outcome, (byte)Hook], key);
        return key == 0 ? 1 : key;
    }
}
