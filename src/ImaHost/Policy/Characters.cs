using System.Globalization;

namespace ImaHost.Policy;

/// <summary>What may stand in a policy: what a line of either syntax can hold, and a terminal show.</summary>
static class Characters
{
    /// <summary>What a word has that <see cref="CanBeShown"/> denies.</summary>
    public const string Odd = "characters that cannot be shown, or that are not UTF-8";

    const char NotUtf8 = '\ufffd';

    /// <summary>No control characters, no other ends of lines, and all of it UTF-8.</summary>
    public static bool CanBeShown(string text)
    {
        foreach (char one in text)
        {
            if (char.IsControl(one) || one == NotUtf8
                || char.GetUnicodeCategory(one) is UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                return false;
            }
        }

        return true;
    }
}
