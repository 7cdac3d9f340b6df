namespace ImaHost.Engine;

/// <summary>The parts of judging an access.</summary>
enum JudgingStage
{
    /// <summary>What do the rules ask?</summary>
    Policy,
    /// <summary>Reading and hashing, or finding that it was hashed already.</summary>
    Hash,
    /// <summary>Entering it in the list and extending the PCR, or finding that it was; violations too.</summary>
    Store,
    /// <summary>Appraising, and telling of it.</summary>
    Appraise,
    /// <summary>All from receiving the access to its verdict, waiting in a lane included.</summary>
    Total,
}

/// <summary>How long the stages took one worker, which alone records here.</summary>
sealed class StageTimes
{
    readonly LatencyHistogram[] _stages = [.. Enum.GetValues<JudgingStage>().Select(_ => new LatencyHistogram())];

    /// <summary>When the last stage ended.</summary>
    public long Last { get; set; }

    public LatencyHistogram this[JudgingStage stage] => _stages[(int)stage];
}
