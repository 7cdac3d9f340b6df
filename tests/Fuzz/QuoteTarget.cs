using System.Buffers.Binary;
using ImaHost.Tpm;

namespace ImaHost.Fuzz;

/// <summary>
/// The readers of quotes. An input is the four files of a quote, each behind its size (u16, big-endian): message,
/// signature, PCR values, key. For any bytes: nothing but <see cref="TpmException"/> is thrown; faults are one line that is
/// not long and begins with a file; what is accepted is written as it was read.
/// </summary>
static class QuoteTarget
{
    const int LongestFault = 1000;

    public static void Run(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<byte> message = Take(ref input);
        ReadOnlySpan<byte> signature = Take(ref input);
        ReadOnlySpan<byte> pcrs = Take(ref input);
        ReadOnlySpan<byte> bytes = Take(ref input);
        QuoteKey key;
        try
        {
            key = QuoteKey.Read(bytes, QuoteFiles.Key);
        }
        catch (TpmException e)
        {
            RequireFault(QuoteFiles.Key, e.Message);
            return;
        }

        using (key)
        {
            if (key.Public is { } known)
            {
                Property.Same(bytes, known.Sized, "a key, and what it is written as");
            }

            Verify(key, message, signature, pcrs);
        }
    }

    /// <summary>An input.</summary>
    public static byte[] Join(params byte[][] files) =>
        [.. files.SelectMany(file => new[] { (byte)(file.Length >> 8), (byte)file.Length }.Concat(file))];

    static void Verify(QuoteKey key, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> pcrs)
    {
        var verifier = new QuoteVerifier(key, []);
        verifier.Run(message, signature, pcrs);
        Property.Holds(verifier.Checks.Count > 0, "nothing was checked");
        foreach (QuoteCheck check in verifier.Checks.Where(check => check.Fault != null))
        {
            RequireFault(check.File, check.Fault!);
        }

        if (verifier.Attest is { } attest)
        {
            WriteAgain(attest.Pcrs);
        }

        if (verifier.Pcrs is { } values)
        {
            Property.Holds(values.Values.Count == values.Selection.Count, "not every PCR has a value");
            Property.Same(values.ToFile(), QuotedPcrs.Parse(values.ToFile(), "again").ToFile(), "values, and what they are written as");
            _ = values.ToString();
        }
    }

    static void WriteAgain(PcrSelection selection)
    {
        var writer = new TpmWriter(1024);
        selection.Write(writer);
        var reader = new TpmReader(writer.Written, "again");
        Property.Holds(PcrSelection.Read(ref reader).Equals(selection), "a selection is read as another one");
        reader.End();
    }

    static void RequireFault(string file, string fault) => Property.Holds(
        fault.StartsWith(file + " ", StringComparison.Ordinal) && fault.Length <= LongestFault && !fault.Any(char.IsControl),
        $"a fault that cannot be shown: {fault}");

    static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> input)
    {
        int size = input.Length < 2 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(input);
        ReadOnlySpan<byte> rest = input[Math.Min(2, input.Length)..];
        ReadOnlySpan<byte> taken = rest[..Math.Min(size, rest.Length)];
        input = rest[taken.Length..];
        return taken;
    }
}
