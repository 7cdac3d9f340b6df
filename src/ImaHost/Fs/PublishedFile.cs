namespace ImaHost.Fs;

/// <summary>One file of /run/ima. All methods return what FUSE returns: a count, or minus an errno.</summary>
abstract class PublishedFile(string name, uint permissions)
{
    protected const int NotPermitted = -1; // EPERM

    public string Name { get; } = name;

    public byte[] Utf8Name { get; } = System.Text.Encoding.ASCII.GetBytes(name);

    /// <summary>Mode bits below 01000.</summary>
    public uint Permissions { get; } = permissions;

    /// <summary>Bytes a reader finds now. True, not 0 as in securityfs: with 0 tail(1) loses track.</summary>
    public abstract long Size { get; }

    /// <summary>Closing need not be waited for.</summary>
    public virtual bool IsReadOnly => true;

    /// <summary>Fills the buffer from an offset on.</summary>
    public abstract int Read(Span<byte> buffer, long offset);

    /// <summary>What a reader gets of a text that is made anew at each read.</summary>
    protected static int Copy(ReadOnlySpan<byte> text, Span<byte> buffer, long offset)
    {
        if (offset >= text.Length)
        {
            return 0;
        }

        ReadOnlySpan<byte> rest = text[(int)offset..];
        rest = rest[..Math.Min(rest.Length, buffer.Length)];
        rest.CopyTo(buffer);
        return rest.Length;
    }

    /// <param name="handle">The number that later calls on this handle bring.</param>
    public virtual int OpenToRead(ulong handle) => 0;

    /// <param name="handle">
    /// The number that later calls on this handle bring. The same again: the host that was asked first has died.
    /// </param>
    /// <param name="pid">Who opens it.</param>
    public virtual int OpenToWrite(bool append, ulong handle, uint pid) => NotPermitted;

    public virtual int Write(ulong handle, ReadOnlySpan<byte> data, long offset) => NotPermitted;

    /// <summary>truncate(2). Nothing published has a length of its own to set.</summary>
    public virtual int SetSize(long size) => NotPermitted;

    /// <summary>close(2) of one of the handle's descriptors.</summary>
    public virtual int Flush(ulong handle) => 0;

    /// <summary>The handle is gone.</summary>
    public virtual void Release(ulong handle)
    {
    }
}

/// <summary>binary_runtime_measurements: the bytes of the log.</summary>
/// <param name="window">What of them is published.</param>
/// <param name="commands">What writing it does.</param>
sealed class BinaryListFile(
    string name, MeasurementList.MeasurementLog log, Func<MeasurementList.LogWindow> window, StagingCommands commands)
    : ListPublication(name, commands)
{
    public override long Size => window() is { } now ? now.To.BinaryBytes - now.From.BinaryBytes : 0;

    /// <summary>What follows the window is not of this file: files are opened with direct_io, which looks at no size.</summary>
    public override int Read(Span<byte> buffer, long offset)
    {
        MeasurementList.LogWindow now = window();
        long left = now.To.BinaryBytes - now.From.BinaryBytes - offset;
        return left <= 0 ? 0 : log.ReadBinary(buffer[..(int)Math.Min(left, buffer.Length)], now.From.BinaryBytes + offset);
    }
}

/// <summary>
/// The list in another form: ascii_runtime_measurements, and the twins of newer kernels that show template digests in
/// the algorithm they are named after, {ascii,binary}_runtime_measurements_sha256.
/// </summary>
sealed class ListViewFile(string name, MeasurementList.ListView view, StagingCommands commands)
    : ListPublication(name, commands)
{
    public override long Size => view.Size;

    public override int Read(Span<byte> buffer, long offset) => view.Read(buffer, offset);
}

/// <summary>A counter: a decimal number and a newline.</summary>
sealed class CounterFile(string name, Func<long> value) : PublishedFile(name, 0x120)
{
    public override long Size => Text().Length;

    public override int Read(Span<byte> buffer, long offset) => Copy(Text(), buffer, offset);

    byte[] Text() => System.Text.Encoding.ASCII.GetBytes(
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value()}\n"));
}
