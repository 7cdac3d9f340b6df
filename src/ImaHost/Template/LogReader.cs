namespace ImaHost.Template;

/// <summary>Walks through the records of a binary list.</summary>
/// <param name="digestSize">Bytes of a template digest.</param>
sealed class LogReader(ByteSource source, int digestSize = 20) : RecordReader(source)
{
    /// <summary>Goes to an offset at which a record begins.</summary>
    /// <param name="number">Its number.</param>
    public void Seek(long offset, long number) => Restart(offset, number);

    protected override bool TryTake(ReadOnlySpan<byte> bytes, bool ended, out MeasurementRecord record, out int size) =>
        MeasurementRecord.TryRead(bytes, out record, out size, digestSize);
}
