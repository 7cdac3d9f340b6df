using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>Reads lists of reference digests, whose names say of which kind they are.</summary>
static class ReferenceLists
{
    /// <summary>Lines, or digests, of one list.</summary>
    public const int DefaultLimit = 4_000_000;

    /// <summary>Bytes of a list for each line that it may have.</summary>
    const int BytesForLine = 256;

    const long LeastBytes = 1 << 20;

    delegate void Reader(Stream content, ListDraft draft);

    static readonly string[] PackageEndings = [".sha256", ".sha384", ".sha512"];

    static readonly (string Ending, Reader Read, long MostBytes)[] Kinds =
    [
        (".sha256", (content, draft) => SumsReader.Read(content, draft, HashAlgorithm.Sha256), long.MaxValue),
        (".sha384", (content, draft) => SumsReader.Read(content, draft, HashAlgorithm.Sha384), long.MaxValue),
        (".sha512", (content, draft) => SumsReader.Read(content, draft, HashAlgorithm.Sha512), long.MaxValue),
        (".sums", (content, draft) => SumsReader.Read(content, draft, null), long.MaxValue),
        (".yaml", YamlListReader.Read, YamlListReader.MostBytes),
        (".json", KeylimePolicyReader.Read, long.MaxValue),
    ];

    /// <summary>What the names of lists end in.</summary>
    public static IReadOnlyList<string> Endings { get; } = [.. Kinds.Select(kind => kind.Ending)];

    /// <summary>Is that the name of a list? Hidden files and what editors leave behind are none.</summary>
    public static bool IsList(string name) =>
        !name.StartsWith('.') && Endings.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>Is that the name of a list of a package? Each has one algorithm.</summary>
    public static bool IsPackageList(string name) =>
        IsList(name) && PackageEndings.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>Reads one list.</summary>
    /// <param name="keys">One of them must have signed it; null: it needs no signature.</param>
    /// <param name="limit">Lines or digests at most.</param>
    /// <exception cref="PolicyException">It is refused; the draft is of no use.</exception>
    public static ReferenceSource Read(ListDraft draft, PolicyKeys? keys, int limit)
    {
        string path = draft.File;
        (_, Reader read, long mostBytes) = Kinds.FirstOrDefault(kind => path.EndsWith(kind.Ending, StringComparison.Ordinal));
        if (read == null)
        {
            throw new PolicyException(
                new PolicyPlace(path), $"is no list by its name, which should end in {string.Join(", ", Endings)}");
        }

        long most = Math.Min(mostBytes, Math.Max((long)limit * BytesForLine, LeastBytes));
        using HeldFile file = Open(path, most);
        byte[]? signed = null;
        if (keys != null)
        {
            using var whole = new ListInput(file, path, most, isHashed: false);
            signed = keys.Require(path, whole);
        }

        using var content = new ListInput(file, path, most, isHashed: signed != null);
        read(content, draft);
        bool isSame = signed == null || signed.AsSpan().SequenceEqual(content.Finish());
        return isSame && FileMark.Of(path) == draft.Source.Stamp.List
            ? draft.Finish()
            : throw new PolicyException(new PolicyPlace(path), "was changed while it was read: it is read again next time");
    }

    static HeldFile Open(string path, long most)
    {
        HeldFile? file = null;
        try
        {
            file = HeldFile.Open(path);
            if (!file.TryStat(out FileStat stat, out int error))
            {
                throw new ErrnoException(path, -error);
            }

            if (!stat.IsRegular)
            {
                throw new PolicyException(new PolicyPlace(path), "is not a regular file");
            }

            if (VoucherFiles.WhyExposed(path, in stat) != null)
            {
                throw new PolicyException(new PolicyPlace(path), "others than root may write it: chown root:root and chmod go-w");
            }

            ListInput.CheckLength(path, (long)Math.Min(stat.Size, long.MaxValue), most);
            HeldFile opened = file;
            file = null;
            return opened;
        }
        catch (ErrnoException e)
        {
            throw new PolicyException(new PolicyPlace(path), ErrnoException.Describe(e.Errno));
        }
        finally
        {
            file?.Dispose();
        }
    }
}
