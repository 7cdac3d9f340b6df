namespace ImaHost.Segments;

/// <summary>Where sealed segments are copied to.</summary>
/// <param name="Path">A file that is the list; or a directory that gets a directory of segments for each list.</param>
/// <param name="IsDirectory">It is the latter.</param>
/// <param name="Append">A file that is there is kept; else it is emptied when it becomes the target.</param>
sealed record ExportTarget(string Path, bool IsDirectory, bool Append)
{
    /// <summary>As a target is given by a command: `file:PATH`, `append:PATH`, `directory:PATH`; null: it is none.</summary>
    public static ExportTarget? TryParse(string text) => text.Split(':', 2) switch
    {
        ["file", ['/', ..] path] => new ExportTarget(path, IsDirectory: false, Append: false),
        ["append", ['/', ..] path] => new ExportTarget(path, IsDirectory: false, Append: true),
        ["directory", ['/', ..] path] => new ExportTarget(path, IsDirectory: true, Append: false),
        _ => null,
    };

    public override string ToString() => $"{(IsDirectory ? "directory" : Append ? "append" : "file")}:{Path}";
}
