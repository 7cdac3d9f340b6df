using ImaHost.Template;

namespace ImaHost.Fuzz;

/// <summary>A list as a reader took it, to its end or to the damage.</summary>
sealed class Reading
{
    readonly byte[] _scratch = new byte[TemplateDescriptor.HashedSize];
    readonly ByteBuilder _binary = new();
    readonly ByteBuilder _text = new();
    readonly ByteBuilder _losslessBinary = new();
    readonly ByteBuilder _losslessText = new();
    readonly List<long> _offsets = [];

    /// <summary>What every record is in a binary list, one after the other.</summary>
    public ReadOnlySpan<byte> Binary => _binary.Written;

    /// <summary>What is shown of every record that can be shown.</summary>
    public ReadOnlySpan<byte> Text => _text.Written;

    /// <summary>Of the records of which the ascii list loses nothing: what they are in a binary list.</summary>
    public ReadOnlySpan<byte> LosslessBinary => _losslessBinary.Written;

    public ReadOnlySpan<byte> LosslessText => _losslessText.Written;

    /// <summary>Where the records begin, and where the last one ends.</summary>
    public IReadOnlyList<long> Offsets => _offsets;

    /// <summary>The records that were read.</summary>
    public int Count => _offsets.Count - 1;

    /// <summary>The bytes that are no whole record; -1 when damage ended the reading.</summary>
    public int Rest { get; private set; }

    /// <summary>What the damage is.</summary>
    public string Damage { get; private set; } = "";

    public static Reading Of(RecordReader reader)
    {
        var reading = new Reading();
        try
        {
            while (reader.Next(out MeasurementRecord record))
            {
                reading.TakePlace(reader);
                reading.Take(in record);
            }

            reading.Rest = reader.Rest;
        }
        catch (RecordException e)
        {
            reading.Damage = e.Message;
            reading.Rest = -1;
        }

        reading.TakePlace(reader);
        return reading;
    }

    /// <summary>Requires another reading of the same list to be the same.</summary>
    public void RequireSame(Reading other)
    {
        Property.Same(Binary, other.Binary, "the list read at once, and in pieces");
        Property.Holds(_offsets.SequenceEqual(other._offsets), "records begin elsewhere when read in pieces");
        Property.Holds(
            Damage == other.Damage && Rest == other.Rest,
            $"the list ends in \"{Damage}\" and {Rest} bytes, in pieces in \"{other.Damage}\" and {other.Rest} bytes");
    }

    /// <summary>Requires every byte to belong to a record or to the rest, unless there is damage.</summary>
    public void RequireEnd(int length) =>
        Property.Holds(Rest < 0 || _offsets[^1] + Rest == length, $"{Rest} bytes left at {_offsets[^1]} of {length}");

    void TakePlace(RecordReader reader)
    {
        Property.Holds(reader.Number == _offsets.Count, $"record {_offsets.Count} has number {reader.Number}");
        _offsets.Add(reader.Offset);
    }

    void Take(in MeasurementRecord record)
    {
        int binaryAt = _binary.Length;
        record.AppendBinary(_binary);
        int textAt = _text.Length;
        try
        {
            _ = record.ReadName();
            _ = record.HashedData(_scratch);
        }
        catch (RecordException)
        {
            // Only who needs them is told of damaged data.
        }

        try
        {
            record.AppendAscii(_text);
        }
        catch (RecordException)
        {
            _text.Truncate(textAt);
            return;
        }

        ReadOnlySpan<byte> line = _text.Written[textAt..];
        if (AsciiLoss.IsShownWhole(in record, line))
        {
            _losslessBinary.Append(_binary.Written[binaryAt..]);
            _losslessText.Append(line);
        }
    }
}
