using System.Formats.Tar;

namespace ImaHost.Packages;

/// <summary>The regular files of a tar archive, hashed as it goes by.</summary>
sealed class TarContents(ContentHasher hasher)
{
    readonly OrderedDictionary<string, ListedFile> _files = new(StringComparer.Ordinal);

    /// <summary>The files, in the archive's order. Of two members of one name the last is what an installer leaves.</summary>
    public IReadOnlyList<ListedFile> Files => _files.Values;

    /// <summary>Members that have a name no installer takes: they are not among the files.</summary>
    public List<string> Refused { get; } = [];

    /// <summary>Reads an archive to its end.</summary>
    /// <param name="place">Where a member will lie: from its path, absolute; null: it is not of interest.</param>
    /// <param name="take">Is given the path and the content of a member in place of hashing it; true: it took it.</param>
    public TarContents Read(Stream archive, Func<string, string?> place, Func<string, Stream, bool>? take = null)
    {
        using var reader = new TarReader(archive, leaveOpen: true);
        while (reader.GetNextEntry() is { } entry)
        {
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile))
            {
                continue;
            }

            string? member = Normalize(ByteText.Of(entry.Name));
            if (member == null)
            {
                Refused.Add(entry.Name);
            }
            else if (place(member) is { } path)
            {
                Take(path, member, entry.DataStream ?? Stream.Null, take);
            }
        }

        return this;
    }

    void Take(string path, string member, Stream content, Func<string, Stream, bool>? take)
    {
        if (take == null || !take(member, content))
        {
            _files[path] = new ListedFile(hasher.Hash(content), path);
        }
    }

    /// <summary>"./usr/bin/x" is "/usr/bin/x". No path may lead upwards.</summary>
    static string? Normalize(string name)
    {
        string[] parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts.Contains("..") ? null : $"/{string.Join('/', parts.Where(part => part != "."))}";
    }
}
