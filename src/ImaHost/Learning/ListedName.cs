using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Learning;

/// <summary>
/// Finds the file that an entry's name stands for. Lists have "_" for spaces, and \xNN for what is no text, so a name may
/// stand for several paths: that which is spelled like it is preferred, then the first of the directory that would be.
/// </summary>
static class ListedName
{
    /// <returns>Null: nothing there would be listed so.</returns>
    public static BytePath? Resolve(BytePath name)
    {
        if (Exists(name.Bytes))
        {
            return name;
        }

        byte[] found = [];
        foreach (Range part in name.Bytes[1..].Split((byte)'/'))
        {
            ReadOnlySpan<byte> listed = name.Bytes[1..][part];
            byte[] spelled = [.. found, (byte)'/', .. listed];
            byte[]? next = Exists(spelled) ? spelled : Search(found, listed);
            if (next == null)
            {
                return null;
            }

            found = next;
        }

        return new BytePath(found);
    }

    static bool Exists(ReadOnlySpan<byte> path)
    {
        using FileLook look = FileLook.At([.. path, 0]);
        return look.Error == 0;
    }

    static byte[]? Search(byte[] directory, ReadOnlySpan<byte> listed)
    {
        using OpenDirectory? open = OpenDirectory.TryOpen([.. directory, (byte)'/', 0], out _);
        var text = new ByteBuilder();
        while (open?.Next(out byte[] name, out _) == 1)
        {
            text.Clear();
            EntryName.Append(name.AsSpan()[..^1], text);
            if (text.Written.SequenceEqual(listed))
            {
                return [.. directory, (byte)'/', .. name.AsSpan()[..^1]];
            }
        }

        return null;
    }
}
