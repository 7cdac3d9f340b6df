using System.Collections.Concurrent;

namespace ImaHost.Packages;

/// <summary>What came of recording archives.</summary>
/// <param name="Lists">Of those that were recorded.</param>
/// <param name="Problems">One line for each archive that could not be read, and each member that was left out.</param>
sealed record Recording(IReadOnlyList<PackageList> Lists, IReadOnlyList<string> Problems);

/// <summary>Records what archives hold before they are unpacked.</summary>
sealed class ArchiveRecorder(PackageStore store)
{
    /// <summary>For how long an archive vouches that nobody is known to install, seconds.</summary>
    public const int Patience = 3600;

    /// <summary>Records archives, .deb or .rpm. One that cannot be read does not keep the others from it.</summary>
    /// <param name="root">The root directory they will be installed in.</param>
    /// <param name="installer">
    /// Who is about to install them: they vouch for as long as it lives, and then if they are installed. Null: for
    /// <see cref="Patience"/>.
    /// </param>
    /// <param name="now">Unix seconds.</param>
    public Recording Record(
        IReadOnlyList<string> archives, string root, ProcessIdentity? installer, long now, FileSignatureCheck? check = null)
    {
        var problems = new ConcurrentQueue<string>();
        var lists = new PackageList?[archives.Count];
        _ = Parallel.For(
            0, archives.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            i => lists[i] = TryRead(archives[i], root, check, problems));
        PackageList[] read = [.. lists.OfType<PackageList>()];
        using (store.Lock())
        {
            StoreState state = store.ReadState();
            foreach (PackageList list in read)
            {
                Bound(state, store.Put(list), installer, now);
            }

            store.WriteState(state);
        }

        return new Recording(read, [.. problems]);
    }

    static PackageList? TryRead(string file, string root, FileSignatureCheck? check, ConcurrentQueue<string> problems)
    {
        try
        {
            using var hasher = new ContentHasher();
            (PackageList list, IReadOnlyList<string> refused) = Read(file, root, hasher, check);
            foreach (string member in refused)
            {
                problems.Enqueue($"{file}: left out {member}");
            }

            return list;
        }
        catch (Exception e) when (e is PackageException or IOException or UnauthorizedAccessException)
        {
            problems.Enqueue(e.Message);
            return null;
        }
    }

    static (PackageList List, IReadOnlyList<string> Refused) Read(
        string file, string root, ContentHasher hasher, FileSignatureCheck? check)
    {
        if (file.EndsWith(".rpm", StringComparison.Ordinal))
        {
            RpmArchive rpm = RpmArchive.Read(file, hasher, check);
            return (rpm.List with { Package = rpm.List.Package with { Root = root } }, rpm.Refused);
        }

        DebianArchive archive = DebianArchive.Read(file, hasher, root, RecordedFrom.Unpack);
        return (archive.List, archive.Refused);
    }

    static void Bound(StoreState state, string list, ProcessIdentity? installer, long now)
    {
        if (installer is { } process)
        {
            state.Await(list, process);
        }
        else
        {
            state.Keep(list);
            state.Expire(list, now + Patience);
        }
    }
}
