using System.Buffers;

namespace ImaHost.Policy;

/// <summary>Splits a command line of the kernel (lib/cmdline.c, next_arg).</summary>
static class KernelArguments
{
    static readonly SearchValues<char> Blanks = SearchValues.Create(" \t\n\v\f\r");

    /// <summary>What is for the kernel: up to "--", after which init's arguments begin.</summary>
    /// <returns>Names as they are written, and values; null: there is no "=".</returns>
    public static IEnumerable<(string Name, string? Value)> In(string text)
    {
        for (int at = Skip(text, 0); at < text.Length;)
        {
            int end = EndOf(text, at);
            (string Name, string? Value) argument = Split(text[at..end]);
            if (argument is ("--", null))
            {
                yield break;
            }

            yield return argument;
            at = Skip(text, end);
        }
    }

    static int Skip(string text, int at)
    {
        int skipped = text.AsSpan(at).IndexOfAnyExcept(Blanks);
        return skipped < 0 ? text.Length : at + skipped;
    }

    /// <summary>The first blank outside of quotes, which nothing escapes.</summary>
    static int EndOf(string text, int at)
    {
        bool isQuoted = false;
        for (; at < text.Length && (isQuoted || !Blanks.Contains(text[at])); at++)
        {
            isQuoted ^= text[at] == '"';
        }

        return at;
    }

    /// <summary>Quotes go where they surround the argument or its value, and stay elsewhere.</summary>
    static (string Name, string? Value) Split(string argument)
    {
        bool isQuoted = argument.StartsWith('"');
        string rest = isQuoted ? argument[1..] : argument;

        // A name has a letter at least: "=x" is none with a value.
        int equals = rest.IndexOf('=', Math.Min(1, rest.Length));
        bool isValueQuoted = equals >= 0 && rest.AsSpan(equals + 1).StartsWith('"');
        if ((isQuoted || isValueQuoted) && rest.EndsWith('"') && rest.Length > equals + 2)
        {
            rest = rest[..^1];
        }

        return equals < 0 ? (rest, null) : (rest[..equals], rest[(equals + (isValueQuoted ? 2 : 1))..]);
    }
}
