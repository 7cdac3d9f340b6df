using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Learning;

/// <summary>
/// A line as sha256sum(1) and its kind write it: digest, two spaces, path. A "\" at its start says that in the path "\\",
/// "\n" and "\r" stand for a backslash, a newline and a carriage return.
/// </summary>
static class SumsLine
{
    public static void Append(in Digest digest, BytePath path, ByteBuilder into)
    {
        bool escapes = path.Bytes.IndexOfAny((byte)'\\', (byte)'\n', (byte)'\r') >= 0;
        into.Append(escapes ? "\\"u8 : default);
        into.AppendHex(digest.Bytes);
        into.Append("  "u8);
        foreach (byte one in path.Bytes)
        {
            into.Append(one switch
            {
                (byte)'\\' => "\\\\"u8,
                (byte)'\n' => "\\n"u8,
                (byte)'\r' => "\\r"u8,
                _ => [one],
            });
        }
    }

    /// <param name="why">What is wrong with it, when false is returned.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> line, HashAlgorithm algorithm, out Digest digest, out BytePath path, out string why)
    {
        digest = default;
        path = default;
        bool escapes = line.StartsWith("\\"u8);
        line = escapes ? line[1..] : line;
        int digits = algorithm.Size * 2;
        Span<byte> value = stackalloc byte[HashAlgorithm.MaxSize];
        if (line.Length < digits + 3 || Convert.FromHexString(line[..digits], value, out _, out _) != System.Buffers.OperationStatus.Done
            || line[digits] != ' ' || line[digits + 1] is not ((byte)' ' or (byte)'*'))
        {
            why = $"no line of {algorithm}sum: \"{FieldText.Quote(line)}\"";
            return false;
        }

        digest = new Digest(algorithm, value);
        path = new BytePath(escapes ? Unescape(line[(digits + 2)..]) : line[(digits + 2)..].ToArray());
        why = path.IsAbsolute ? "" : $"no absolute path: \"{path}\"";
        return path.IsAbsolute;
    }

    static byte[] Unescape(ReadOnlySpan<byte> text)
    {
        var bytes = new ByteBuilder(text.Length + 1);
        for (int i = 0; i < text.Length; i++)
        {
            bool isEscape = text[i] == '\\' && i + 1 < text.Length;
            byte one = isEscape ? text[++i] : text[i];
            bytes.Append(isEscape && one == 'n' ? (byte)'\n' : isEscape && one == 'r' ? (byte)'\r' : one);
        }

        return bytes.Written.ToArray();
    }
}
