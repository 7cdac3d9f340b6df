using System.Globalization;
using System.Text;

namespace ImaHost.Learning;

/// <summary>Patterns that stand for one path, or for all below a directory, as YAML has them.</summary>
static class YamlGlob
{
    /// <summary>The pattern of a path: what patterns have a meaning for gets a "\", and "?" stands for what is no UTF-8.</summary>
    public static string Of(BytePath path)
    {
        var text = new StringBuilder();
        ReadOnlySpan<byte> rest = path.Bytes;
        while (!rest.IsEmpty)
        {
            bool isText = Rune.DecodeFromUtf8(rest, out Rune rune, out int length) == System.Buffers.OperationStatus.Done;
            if (isText && rune.Value is '*' or '?' or '[' or '\\')
            {
                _ = text.Append('\\');
            }

            _ = text.Append(isText ? rune.ToString() : new string('?', length));
            rest = rest[length..];
        }

        return text.ToString();
    }

    /// <summary>A text as a double-quoted scalar.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char one in text)
        {
            _ = one switch
            {
                '"' or '\\' => quoted.Append('\\').Append(one),
                _ when char.IsControl(one) || one is '\u2028' or '\u2029' or '\ufeff' =>
                    quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)one:x4}"),
                _ => quoted.Append(one),
            };
        }

        return quoted.Append('"').ToString();
    }
}
