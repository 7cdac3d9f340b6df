using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;

namespace ImaHost.Trees;

/// <summary>Labels one file after the other.</summary>
sealed class LabelWorker(
    LabelSettings settings, TreeLabeller labeller, TreeProblems problems, CancellationToken stop) : ITreeWorker
{
    const int Again = -11; // EAGAIN, errno(3)

    /// <summary>The holder of a lease has been told by then that it is wanted back, and may have given it.</summary>
    const int LeaseMilliseconds = 100;

    /// <summary>A file that is written while it is hashed is hashed once more.</summary>
    const int Tries = 2;

    readonly FileHasher _hasher = new();
    readonly byte[] _label = new byte[LabelSettings.MostBytes];
    readonly byte[] _present = new byte[LabelSettings.MostBytes];

    public void Take(TreeFile file)
    {
        if (settings.Journal is { } journal && file.TryStat(out FileStat known) && journal.Has(in known))
        {
            labeller.AddKnown();
            return;
        }

        using FileLook look = file.Look();
        FileStat stat = look.Stat;
        if (look.Error != 0)
        {
            problems.Add(file.Text, FileProblem.OfOpening(look.Error));
        }
        else if (!stat.IsRegular)
        {
            labeller.AddOther();
        }
        else if (file.IsOfTree(in stat) && settings.Journal?.IsItself(in stat) != true)
        {
            Open(file, in look);
        }
    }

    public void Dispose() => _hasher.Dispose();

    void Open(TreeFile file, in FileLook look)
    {
        HeldFile? open = look.TryOpen(out int error);
        if (error == Again)
        {
            Thread.Sleep(LeaseMilliseconds);
            open = look.TryOpen(out error);
        }

        if (open == null)
        {
            problems.Add(file.Text, FileProblem.OfOpening(error));
            return;
        }

        using (open)
        {
            if (settings.OnlyPrograms && !look.Stat.IsExecutable && !ElfHeader.MayBeMapped(open))
            {
                labeller.AddLeftOut();
                return;
            }

            Label(file, open);
        }
    }

    void Label(TreeFile file, HeldFile open)
    {
        int error = Digest(open, out LabelMaker make, out Digest digest, out FileStat stat, out bool isStill);
        if (error == FileHasher.Canceled)
        {
            return;
        }

        if (error < 0 || !isStill)
        {
            problems.Add(file.Text, error < 0 ? FileProblem.OfReading(error) : FileProblem.Changing);
            return;
        }

        if (!TryMake(file, make, in digest, out ReadOnlySpan<byte> label))
        {
            return;
        }

        int present = open.GetXattr("security.ima\0"u8, _present);
        if (present >= 0 && _present.AsSpan(0, present).SequenceEqual(label))
        {
            labeller.AddUnchanged();
            settings.Journal?.Add(in stat);
        }
        else if (settings.DryRun is { } tell)
        {
            labeller.AddLabelled();
            tell(file.Text);
        }
        else
        {
            Write(file, open, label, in stat);
        }
    }

    bool TryMake(TreeFile file, LabelMaker make, in Digest digest, out ReadOnlySpan<byte> label)
    {
        try
        {
            label = _label.AsSpan(0, make(in digest, _label));
            return true;
        }
        catch (SignerException e)
        {
            problems.Add(file.Text, $"sign: {e.Message}");
            label = default;
            return false;
        }
    }

    void Write(TreeFile file, HeldFile open, ReadOnlySpan<byte> label, in FileStat hashed)
    {
        int error = open.SetXattr("security.ima\0"u8, label);
        if (error < 0)
        {
            problems.Add(file.Text, FileProblem.OfLabelling(error, in hashed));
            return;
        }

        labeller.AddLabelled();

        // Written to since it was hashed, it would have another label; what it has now is none to remember.
        if (settings.Journal is { } journal && open.TryStat(out FileStat stat, out _)
            && stat.Modified == hashed.Modified && stat.Size == hashed.Size)
        {
            journal.Add(in stat);
        }
    }

    /// <summary>What is to be labelled. A file with an fs-verity digest cannot be written, and is not read for that.</summary>
    int Digest(HeldFile open, out LabelMaker make, out Digest digest, out FileStat stat, out bool isStill)
    {
        if (settings.MakeOfVerity is { } ofVerity && FileVerity.TryMeasure(open, out digest))
        {
            make = ofVerity;
            isStill = open.TryStat(out stat, out int error);
            return error;
        }

        make = settings.Make;
        return Hash(open, out digest, out stat, out isStill);
    }

    /// <param name="stat">The file, as it was when it had been hashed.</param>
    /// <param name="isStill">Nobody changed it meanwhile.</param>
    int Hash(HeldFile open, out Digest digest, out FileStat stat, out bool isStill)
    {
        digest = default;
        isStill = false;
        int error = 0;
        bool isThere = open.TryStat(out stat, out error);
        for (int tried = 0; isThere && error == 0 && !isStill && tried < Tries; tried++)
        {
            FileStat before = stat;
            error = _hasher.Hash(open, before.Size, settings.Algorithm, _ => !stop.IsCancellationRequested, out digest);
            labeller.AddBytes((long)before.Size);
            isThere = error < 0 || open.TryStat(out stat, out error);
            isStill = stat.IsUnchangedFrom(in before);
        }

        return error;
    }
}
