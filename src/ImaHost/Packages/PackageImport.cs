using System.Collections.Concurrent;

namespace ImaHost.Packages;

/// <summary>What of an installed package could be vouched for.</summary>
sealed record ImportedPackage(PackageList List, IReadOnlyList<FileProblem> Problems);

/// <summary>Makes the lists of packages that are installed already and have none.</summary>
abstract class PackageImport(string root) : IDisposable
{
    /// <summary>The root directory, "/" or without a slash at its end.</summary>
    protected string Root { get; } = root;

    /// <summary>The import of a manager's packages.</summary>
    /// <param name="check">Looks at the signatures in headers of rpm.</param>
    /// <exception cref="PackageException">It has no database in that root.</exception>
    public static PackageImport Of(string manager, string root, FileSignatureCheck? check = null) => manager switch
    {
        "dpkg" => new DpkgImport(root),
        "rpm" => new RpmImport(root, check),
        _ => throw new PackageException($"imahost knows dpkg and rpm, not \"{manager}\""),
    };

    /// <summary>Imports every package without a list, on all processors.</summary>
    /// <param name="begin">Is told how many there are.</param>
    /// <param name="one">Is told of each when its list stands. By one thread at a time.</param>
    public void Run(PackageStore store, Action<int> begin, Action<ImportedPackage> one)
    {
        List<Func<ContentHasher, ImportedPackage>> missing = Find(package => !store.Has(package));
        begin(missing.Count);
        var turn = new Lock();
        using var hashers = new ThreadLocal<ContentHasher>(() => new ContentHasher(), trackAllValues: true);
        _ = Parallel.ForEach(
            Partitioner.Create(missing, EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            import =>
            {
                ImportedPackage imported = import(hashers.Value!);
                using (store.Lock())
                {
                    _ = store.Put(imported.List);
                }

                lock (turn)
                {
                    one(imported);
                }
            });
        foreach (ContentHasher hasher in hashers.Values)
        {
            hasher.Dispose();
        }
    }

    public virtual void Dispose()
    {
    }

    /// <summary>How to import each package that is wanted.</summary>
    protected abstract List<Func<ContentHasher, ImportedPackage>> Find(Func<PackageId, bool> isWanted);
}
