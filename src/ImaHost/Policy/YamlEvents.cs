using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ImaHost.Policy;

/// <summary>
/// Reads one document of YAML event by event, each value once: what refers to other places (anchors, aliases, tags) is
/// refused, so that no text is longer than it looks.
/// </summary>
sealed class YamlEvents(TextReader text, string source)
{
    static readonly string[] Signs = ["block scalar", "anchor or alias", "tag"];

    readonly Parser _parser = new(text);

    /// <param name="what">"a policy": what the document is.</param>
    /// <param name="read">Reads all that is in it.</param>
    /// <exception cref="PolicyException">It is not understood.</exception>
    public void ReadDocument(string what, Action read)
    {
        try
        {
            _ = Take<StreamStart>("YAML");
            Require(
                _parser.Current is not StreamEnd, new PolicyPlace(source), $"an empty file; {what} begins with \"version: 1\"");
            _ = Take<DocumentStart>("a document");
            read();
            _ = Take<DocumentEnd>("the document's end");
            _ = Take<StreamEnd>("no second document");
        }
        catch (YamlException e)
        {
            throw new PolicyException(new PolicyPlace(source, e.Start.Line, e.Start.Column), Explain(e.Message));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet stumbles over some damage instead of saying what it is.
            Mark end = _parser.Current?.End ?? Mark.Empty;
            throw new PolicyException(new PolicyPlace(source, end.Line, end.Column), "what follows here is not YAML");
        }
    }

    /// <summary>Reads a mapping to its end, each key once.</summary>
    /// <returns>The keys there were.</returns>
    public HashSet<string> ReadMapping(IReadOnlyCollection<string> known, Action<string, PolicyPlace> readValue)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (_parser.Current is not MappingEnd)
        {
            (string key, PolicyPlace place) = ReadScalar("a key");
            if (!known.Contains(key))
            {
                throw new PolicyException(place, $"unknown key \"{key}\"; {Spelling.Hint(key, known)}");
            }

            Require(seen.Add(key), place, $"\"{key}\" is given twice");
            readValue(key, place);
        }

        _ = Take<MappingEnd>("the mapping's end");
        return seen;
    }

    /// <summary>Reads a list to its end.</summary>
    public void ReadList(string expected, Action readItem)
    {
        _ = Take<SequenceStart>(expected);
        while (_parser.Current is not SequenceEnd)
        {
            readItem();
        }

        _ = Take<SequenceEnd>("the list's end");
    }

    /// <summary>A value, or a list of values.</summary>
    public List<(string Text, PolicyPlace Place)> ReadItems()
    {
        var items = new List<(string, PolicyPlace)>();
        if (_parser.Current is SequenceStart)
        {
            ReadList("values", () => items.Add(ReadScalar("a value")));
        }
        else
        {
            items.Add(ReadScalar("a value"));
        }

        return items;
    }

    /// <summary>A value that stands alone, and can be shown.</summary>
    public (string Text, PolicyPlace Place) ReadScalar(string expected)
    {
        Scalar scalar = Take<Scalar>(expected);
        PolicyPlace place = PlaceOf(scalar);
        Require(Characters.CanBeShown(scalar.Value), place, $"{expected} with {Characters.Odd}");
        return (scalar.Value, place);
    }

    /// <summary>The event that is there, if it is of that kind and stands for itself; the next one takes its place.</summary>
    public T Take<T>(string expected)
        where T : ParsingEvent
    {
        if (_parser.Current == null)
        {
            _ = _parser.MoveNext();
        }

        ParsingEvent current = _parser.Current!;
        Require(
            current is not AnchorAlias and not NodeEvent { Anchor.IsEmpty: false }, PlaceOf(current),
            "anchors (&) and aliases (*) are not taken; a value that begins so stands in quotes");
        Require(current is not NodeEvent { Tag.IsEmpty: false }, PlaceOf(current), "tags (!) are not taken");
        Require(current is T, PlaceOf(current), $"{expected} is expected here");
        _ = _parser.MoveNext();
        return (T)current;
    }

    public PolicyPlace PlaceOf(ParsingEvent one) => new(source, one.Start.Line, one.Start.Column);

    public static void Require(bool holds, PolicyPlace place, string message)
    {
        if (!holds)
        {
            throw new PolicyException(place, message);
        }
    }

    /// <summary>"uid: &gt;999" and "path: *" are what the kernel's words look like to who does not know YAML.</summary>
    static string Explain(string error) =>
        Signs.Any(sign => error.Contains(sign, StringComparison.Ordinal))
            ? $"{error} A value that begins with >, *, & or ! stands in quotes."
            : error;
}
