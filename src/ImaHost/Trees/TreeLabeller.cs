using ImaHost.Appraisal;
using ImaHost.Crypto;

namespace ImaHost.Trees;

/// <summary>Makes the value of security.ima that vouches for a digest: a hash, or a signature over it.</summary>
/// <param name="into">Room for <see cref="LabelSettings.MostBytes"/> bytes.</param>
/// <returns>Its bytes.</returns>
/// <exception cref="SignerException">The key does not sign that.</exception>
delegate int LabelMaker(in Digest digest, Span<byte> into);

/// <summary>How trees are labelled.</summary>
/// <param name="Algorithm">Of the digests.</param>
/// <param name="Make">Is called by several threads at once.</param>
sealed record LabelSettings(HashAlgorithm Algorithm, LabelMaker Make)
{
    /// <summary>More than a signature of any key takes.</summary>
    public const int MostBytes = 4096;

    /// <summary>Of files that have an fs-verity digest, that is what is labelled; null: their content, as of all.</summary>
    public LabelMaker? MakeOfVerity { get; init; }

    /// <summary>Nothing is written; null: it is. Is told which files would be labelled, several at once.</summary>
    public Action<string>? DryRun { get; init; }

    /// <summary>Leaves out files that nobody may execute and that are no ELF files.</summary>
    public bool OnlyPrograms { get; init; }

    /// <summary>Files that it knows are passed over.</summary>
    public LabelJournal? Journal { get; init; }

    /// <summary>Signs.</summary>
    /// <param name="ofVerity">The fs-verity digest of files that have one.</param>
    public static LabelSettings BySignature(HashAlgorithm algorithm, LabelSigner signer, bool ofVerity) =>
        new(algorithm, signer.Sign) { MakeOfVerity = ofVerity ? signer.SignVerity : null };

    /// <summary>Labels with the hash itself.</summary>
    public static LabelSettings ByHash(HashAlgorithm algorithm) =>
        new(algorithm, (in digest, into) => SecurityIma.Write(in digest, into));
}

/// <summary>How far labelling has come; numbers of files, but for the last.</summary>
/// <param name="Labelled">Got a label, or would get one.</param>
/// <param name="Unchanged">Had the right one already, as hashing them told.</param>
/// <param name="Known">Had it, as the journal told.</param>
/// <param name="Others">Are not regular.</param>
/// <param name="LeftOut">Are no programs, where only those were asked for.</param>
/// <param name="Bytes">Were hashed.</param>
readonly record struct LabelCounts(
    long Labelled, long Unchanged, long Known, long Others, long LeftOut, long Bytes)
{
    /// <summary>Files that are done with.</summary>
    public long Done => Labelled + Unchanged + Known + LeftOut;
}

/// <summary>Writes the labels of whole trees, by several threads.</summary>
sealed class TreeLabeller(LabelSettings settings, TreeWalker walker, TreeProblems problems)
{
    long _labelled;
    long _unchanged;
    long _known;
    long _others;
    long _leftOut;
    long _bytes;

    public LabelCounts Counts => new(
        Volatile.Read(ref _labelled), Volatile.Read(ref _unchanged), Volatile.Read(ref _known),
        Volatile.Read(ref _others) + walker.Others, Volatile.Read(ref _leftOut), Volatile.Read(ref _bytes));

    /// <param name="stop">A file that is being hashed is left as it is then, too.</param>
    public void Run(int workers, CancellationToken stop) => TreeCrew.Run(
        walker.Files(), workers, () => new LabelWorker(settings, this, problems, stop), stop);

    public void AddLabelled() => Interlocked.Increment(ref _labelled);

    public void AddUnchanged() => Interlocked.Increment(ref _unchanged);

    public void AddKnown() => Interlocked.Increment(ref _known);

    public void AddOther() => Interlocked.Increment(ref _others);

    public void AddLeftOut() => Interlocked.Increment(ref _leftOut);

    public void AddBytes(long bytes) => Interlocked.Add(ref _bytes, bytes);
}
