using System.Globalization;

namespace ImaHost.Template;

/// <summary>Numbers of things, for people.</summary>
static class Counted
{
    /// <summary>"1 file", "2 files".</summary>
    /// <param name="many">Null: an "s" does.</param>
    public static string Of(long count, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? one : many ?? one + "s")}");
}
