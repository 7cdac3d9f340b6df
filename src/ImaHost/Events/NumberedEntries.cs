using System.Globalization;
using System.IO.Enumeration;

namespace ImaHost.Events;

/// <summary>
/// The entries of a directory of /proc that are numbers, one at a time: there may be a million of them.
/// </summary>
/// <param name="onError">
/// Is given the errno that ended the enumeration early, or kept it from starting; nothing is thrown.
/// </param>
sealed class NumberedEntries(string directory, Action<int> onError)
    : FileSystemEnumerator<int>(directory, Options)
{
    /// <summary>No attributes: finding them out asks for each entry.</summary>
    static readonly EnumerationOptions Options = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    protected override bool ShouldIncludeEntry(ref FileSystemEntry entry) => TryParse(entry.FileName, out _);

    protected override int TransformEntry(ref FileSystemEntry entry)
    {
        _ = TryParse(entry.FileName, out int number);
        return number;
    }

    protected override bool ContinueOnError(int error)
    {
        onError(error);
        return true;
    }

    static bool TryParse(ReadOnlySpan<char> name, out int number) =>
        int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
