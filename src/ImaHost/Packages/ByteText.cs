using System.Text;

namespace ImaHost.Packages;

/// <summary>
/// Names of files are bytes. Here they are carried as text with one character for each byte, so that a name that is no
/// UTF-8 comes out as it went in.
/// </summary>
static class ByteText
{
    /// <summary>How such text is read and written.</summary>
    public static Encoding Encoding => Encoding.Latin1;

    /// <summary>The bytes of a path of the runtime's, which is UTF-8 on disk.</summary>
    public static string Of(string text) => Encoding.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>For messages, and for the runtime's own calls.</summary>
    public static string Show(string bytes) => Encoding.UTF8.GetString(Encoding.GetBytes(bytes));

    /// <summary>For system calls: with a NUL at its end.</summary>
    public static byte[] Path(string bytes) => Encoding.GetBytes(bytes + '\0');
}
