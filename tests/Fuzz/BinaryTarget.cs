using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;

namespace ImaHost.Fuzz;

/// <summary>
/// The reader of binary lists. For any bytes: nothing but <see cref="Template.RecordException"/> is thrown; the records
/// are written again as the bytes they were read from; reading in pieces changes nothing; and a record that the ascii
/// list shows without loss (<see cref="AsciiLoss"/>) is read from there as it was.
/// </summary>
static class BinaryTarget
{
    /// <summary>Bytes of a template digest: in the list itself, then in its twins.</summary>
    static readonly int[] DigestSizes = [.. HashAlgorithm.Banks.Select(algorithm => algorithm.Size).Distinct().Order()];

    public static void Run(ReadOnlySpan<byte> input)
    {
        byte[] list = input.ToArray();
        foreach (int digestSize in DigestSizes)
        {
            Reading reading = Read(list, digestSize);
            ReadAscii(reading);
            if (reading.Count > 0)
            {
                return;
            }
        }
    }

    static Reading Read(byte[] list, int digestSize)
    {
        Reading reading = Reading.Of(new LogReader(Pieces.Whole(list), digestSize));
        reading.RequireSame(Reading.Of(new LogReader(Pieces.Odd(list), digestSize)));
        int end = (int)reading.Offsets[^1];
        Property.Same(list.AsSpan(0, end), reading.Binary, "the records, and what they are written as");
        reading.RequireEnd(list.Length);
        return reading;
    }

    static void ReadAscii(Reading shown)
    {
        if (shown.LosslessText.IsEmpty)
        {
            return;
        }

        Reading read = Reading.Of(new AsciiReader(Pieces.Whole(shown.LosslessText.ToArray())));
        Property.Holds(read.Rest == 0, $"what is shown reads as \"{read.Damage}\" and {read.Rest} bytes");
        Property.Same(shown.LosslessBinary, read.Binary, "the records, and what they are read as from what is shown");
    }
}
