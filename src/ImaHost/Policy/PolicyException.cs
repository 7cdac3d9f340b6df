using System.Globalization;

namespace ImaHost.Policy;

/// <summary>A place in a policy, or in a list of reference digests.</summary>
/// <param name="Source">The file's path, or another name of where the text came from.</param>
/// <param name="Line">From 1; 0: the file as a whole.</param>
/// <param name="Column">From 1; 0: the line as a whole.</param>
readonly record struct PolicyPlace(string Source, long Line = 0, long Column = 0)
{
    /// <summary>"FILE:LINE": where a rule stands.</summary>
    public string OfLine => string.Create(CultureInfo.InvariantCulture, $"{Source}:{Line}");

    public override string ToString() =>
        Line == 0 ? Source
        : Column == 0 ? OfLine
        : string.Create(CultureInfo.InvariantCulture, $"{Source}:{Line}:{Column}");
}

/// <summary>A policy, or a list of reference digests, that is not understood, with the place that says why.</summary>
sealed class PolicyException(PolicyPlace place, string message) : FormatException($"{place}: {Shorten(message)}")
{
    const int MostLetters = 400;

    /// <summary>A word may be as long as the file.</summary>
    static string Shorten(string message) => message.Length <= MostLetters
        ? message
        : $"{message.AsSpan(0, MostLetters / 2)} … {message.AsSpan(message.Length - (MostLetters / 2))}";
}
