using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>Walks through the records of a list, binary or ascii.</summary>
abstract class RecordReader
{
    /// <summary>The number of the last record taken, counted from 0; at the end, how many there are.</summary>
    public long Number { get; protected set; }

    /// <summary>The offset of the last record taken; at the end, of what is no whole record.</summary>
    public long Offset { get; protected set; }

    /// <summary>Takes the next record, valid until the next call.</summary>
    /// <returns>False at the end, also when the end cuts a record off.</returns>
    /// <exception cref="RecordException">No record begins here; the message names its number and the offset.</exception>
    public abstract bool Next(out MeasurementRecord record);

    /// <summary>At the end: the bytes that are no whole record.</summary>
    public abstract int Rest { get; }

    /// <summary>Says which record is damaged.</summary>
    public RecordException Locate(RecordException error) => new(error.Reason, $"entry {Number} at offset {Offset}: ");
}
