using System.Globalization;
using System.Text;

namespace ImaHost.Packages;

/// <summary>One version of a package, as its manager names it.</summary>
/// <param name="Manager">"dpkg" or "rpm".</param>
/// <param name="Version">With epoch and revision: "1:2.3-4".</param>
/// <param name="Root">The root directory it is installed in: "/", unless the manager was told another.</param>
sealed record PackageId(string Manager, string Name, string Version, string Architecture, string Root = "/")
{
    /// <summary>"bash 5.2.15-2+b7 amd64".</summary>
    public string Title => $"{Name} {Version} {Architecture}{(Root == "/" ? "" : $" in {Root}")}";

    /// <summary>
    /// NAME_VERSION_ARCHITECTURE, with what is not fit for a file name percent-encoded as dpkg does it; also "_", so that
    /// no two packages have one name. Packages of another root have that at the end.
    /// </summary>
    public string FileName
    {
        get
        {
            var name = new StringBuilder();
            Encode(Name, name).Append('_');
            Encode(Version, name).Append('_');
            Encode(Architecture, name, kept: '_');
            return Root == "/" ? name.ToString() : Encode(Root, name.Append('@')).ToString();
        }
    }

    /// <summary>Throws unless all of it can stand in a line of a list.</summary>
    /// <param name="source">What named it so, for the message.</param>
    public PackageId Checked(string source)
    {
        foreach ((string what, string value) in ((string, string)[])
            [("name", Name), ("version", Version), ("architecture", Architecture)])
        {
            if (value.Length == 0 || value.Any(c => c is <= ' ' or '\x7f'))
            {
                throw new PackageException($"{source}: the package's {what} is empty or has control characters");
            }
        }

        return this;
    }

    static StringBuilder Encode(string text, StringBuilder into, char kept = '+')
    {
        foreach (char c in text)
        {
            _ = char.IsAsciiLetterOrDigit(c) || c is '.' or '+' or '~' or '-' || c == kept
                ? into.Append(c)
                : into.Append(CultureInfo.InvariantCulture, $"%{(int)c:x2}");
        }

        return into;
    }
}
