using System.Text;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// The comments that the list of a package begins with: "# imahost package list 1", then "# package: bash" and the like
/// (docs/formats.md). Other lists have comments that say nothing.
/// </summary>
sealed class PackageHeader(ListDraft draft)
{
    const string Mark = "# imahost package list ";
    const string Version = "1";
    const int MostLines = 64;
    const string Manager = "manager";
    const string Package = "package";
    const string PackageVersion = "version";
    const string Architecture = "architecture";
    const string Recorded = "recorded";
    const string Key = "key";

    static readonly string[] Needed = [Manager, Package, PackageVersion, Architecture];

    readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    readonly List<string> _keys = [];
    bool _isDone = draft.Kind != Vouching.Package;
    bool _hasMark;

    /// <param name="comment">A line that begins with "#".</param>
    /// <exception cref="PolicyException">It is not as it should be.</exception>
    public void Read(ReadOnlySpan<byte> comment, long line)
    {
        if (_isDone)
        {
            return;
        }

        string text = Encoding.UTF8.GetString(comment);
        if (line == 1)
        {
            Begin(text);
            return;
        }

        Require(line <= MostLines, line, $"more than {MostLines} lines of comments at the beginning");
        string[] parts = text[1..].Split(':', 2, StringSplitOptions.TrimEntries);
        if (parts is [Key, var id])
        {
            Require(IsSound(id), line, "no key id");
            _keys.Add(id);
        }
        else if (parts.Length == 2 && (Needed.Contains(parts[0]) || parts[0] == Recorded))
        {
            Require(IsSound(parts[1]), line, $"no value that can be shown for \"{parts[0]}\"");
            Require(_values.TryAdd(parts[0], parts[1]), line, $"\"{parts[0]}\" is given twice");
        }
    }

    /// <summary>The comments at the beginning are over.</summary>
    /// <exception cref="PolicyException">Something is missing.</exception>
    public void Finish(long line)
    {
        if (_isDone)
        {
            return;
        }

        Require(_hasMark, 1, $"\"{Mark}{Version}\" is expected in the first line");
        foreach (string key in Needed.Where(key => !_values.ContainsKey(key)))
        {
            Require(false, line, $"\"# {key}: …\" is missing before the first digest");
        }

        draft.Source = draft.Source with
        {
            Package = new ReferencePackage(
                _values[Manager], _values[Package], _values[PackageVersion], _values[Architecture]),
            Recorded = _values.GetValueOrDefault(Recorded),
            Keys = [.. _keys],
        };
        _isDone = true;
    }

    void Begin(string first)
    {
        Require(
            first.StartsWith(Mark, StringComparison.Ordinal), 1, $"\"{Mark}{Version}\" is expected in the first line");
        string version = first[Mark.Length..].Trim();
        Require(version == Version, 1, $"a list of version \"{ListDraft.Show(version)}\"; {Version} is known here");
        _hasMark = true;
    }

    static bool IsSound(string value) => value.Length is > 0 and < 1024 && Characters.CanBeShown(value);

    void Require(bool holds, long line, string why)
    {
        if (!holds)
        {
            throw draft.Refuse((line, 0), why);
        }
    }
}
