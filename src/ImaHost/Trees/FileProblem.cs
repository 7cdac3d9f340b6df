using ImaHost.Interop;

namespace ImaHost.Trees;

/// <summary>Why something could not be done with a file, in words that are the same for all files of one cause.</summary>
static class FileProblem
{
    /// <summary>It was written to while it was hashed, and again while it was hashed once more.</summary>
    public const string Changing = "changed while it was hashed, twice: label it when nobody writes it";

    const int NotPermitted = -1; // EPERM, errno(3)
    const int Again = -11; // EAGAIN
    const int ReadOnly = -30; // EROFS
    const int NotSupported = -95; // EOPNOTSUPP

    /// <param name="error">Minus the errno, as in all of these.</param>
    public static string OfOpening(int error) =>
        error == Again ? "somebody holds a lease on it (EAGAIN)" : ErrnoException.Describe(-error);

    public static string OfReading(int error) => $"read: {ErrnoException.Describe(-error)}";

    /// <summary>Of writing security.ima.</summary>
    public static string OfLabelling(int error, in FileStat stat) => error switch
    {
        NotPermitted when stat.IsSealed => "it is immutable or append-only, see lsattr(1) (EPERM)",
        ReadOnly => "its filesystem is mounted read-only (EROFS)",
        NotSupported => "its filesystem has no security attributes (EOPNOTSUPP)",
        _ => $"write security.ima: {ErrnoException.Describe(-error)}",
    };
}
