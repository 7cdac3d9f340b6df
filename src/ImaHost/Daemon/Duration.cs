using System.Globalization;

namespace ImaHost.Daemon;

/// <summary>A length of time as people write it: 90, 90s, 15m, 12h, 30d.</summary>
static class Duration
{
    public const string Form = "a time such as 90s, 15m, 12h or 30d";

    /// <param name="seconds">At least 1.</param>
    public static bool TryParse(string text, out long seconds)
    {
        seconds = 0;
        long unit = text is [.., { } last] ? UnitOf(last) : 0;
        string digits = unit > 0 && !char.IsAsciiDigit(text[^1]) ? text[..^1] : text;
        if (unit > 0 && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            seconds = number * unit;
        }

        return seconds > 0;
    }

    static long UnitOf(char letter) => letter switch
    {
        'd' => 86_400,
        'h' => 3600,
        'm' => 60,
        's' or (>= '0' and <= '9') => 1,
        _ => 0,
    };
}
