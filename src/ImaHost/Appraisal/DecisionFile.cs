namespace ImaHost.Appraisal;

/// <summary>
/// One file of decisions, and the one before it (".1"): when it has grown to its limit it takes that one's place. For
/// one thread.
/// </summary>
/// <param name="limit">Bytes of each of the two at most.</param>
sealed class DecisionFile(string path, long limit) : IDisposable
{
    FileStream? _file;

    /// <summary>Appends a line, whole or not at all.</summary>
    /// <exception cref="IOException">The disk refused it; the next may fare better.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory did.</exception>
    public void Append(ReadOnlySpan<byte> line)
    {
        FileStream file = _file ??= Open();
        if (file.Length > 0 && file.Length + line.Length > limit)
        {
            Dispose();
            File.Move(path, Before(path), overwrite: true);
            file = _file = Open();
        }

        long start = file.Length;
        try
        {
            file.Write(line);
        }
        catch (IOException)
        {
            Cut(file, start);
            throw;
        }
    }

    /// <summary>The older of the two.</summary>
    public static string Before(string path) => path + ".1";

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    FileStream Open()
    {
        _ = Directory.CreateDirectory(
            Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 0,
        });
        try
        {
            EndLine(file);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A part of a line may be there, and the next one must begin as one.</summary>
    void Cut(FileStream file, long length)
    {
        try
        {
            file.SetLength(length);
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>A host that was killed may have left half a line.</summary>
    static void EndLine(FileStream file)
    {
        if (file.Length > 0)
        {
            file.Position = file.Length - 1;
            if (file.ReadByte() != '\n')
            {
                file.WriteByte((byte)'\n');
            }
        }
    }
}
