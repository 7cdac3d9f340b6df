namespace ImaHost.Packages;

/// <summary>A paragraph of fields, as in dpkg's control files and its status file (deb822(5)).</summary>
sealed class Stanza
{
    readonly Dictionary<string, string> _fields = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>A field's value, its further lines separated by newlines; null: it is not there.</summary>
    public string? this[string name] => _fields.GetValueOrDefault(name);

    /// <summary>All that a text has.</summary>
    /// <param name="source">Its path, for messages.</param>
    /// <exception cref="PackageException">A line is no field and continues none.</exception>
    public static IEnumerable<Stanza> ReadAll(TextReader text, string source)
    {
        var stanza = new Stanza();
        string? field = null;
        int number = 0;
        while (text.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                if (stanza._fields.Count > 0)
                {
                    yield return stanza;
                    stanza = new Stanza();
                }

                field = null;
            }
            else
            {
                field = stanza.Take(line, field)
                    ?? throw new PackageException($"{source}:{number}: this is no field of a control file");
            }
        }

        if (stanza._fields.Count > 0)
        {
            yield return stanza;
        }
    }

    /// <param name="field">The field of the line before.</param>
    /// <returns>The field that the line belongs to.</returns>
    string? Take(string line, string? field)
    {
        if (line[0] is ' ' or '\t')
        {
            if (field != null)
            {
                _fields[field] = $"{_fields[field]}\n{line[1..]}";
            }

            return field;
        }

        int colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0)
        {
            return null;
        }

        string name = line[..colon];
        _fields[name] = line[(colon + 1)..].Trim();
        return name;
    }
}
