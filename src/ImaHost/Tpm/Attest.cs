using System.Globalization;

namespace ImaHost.Tpm;

/// <summary>What a TPM says of its clock: TPMS_CLOCK_INFO, TPM 2.0 Part 2, 10.11.1.</summary>
/// <param name="Milliseconds">How long it has had power, in all its life.</param>
/// <param name="Resets">TPM resets: a machine's boots.</param>
/// <param name="Restarts">Resumes since.</param>
/// <param name="IsSafe">No later time was told before.</param>
readonly record struct TpmClock(ulong Milliseconds, uint Resets, uint Restarts, bool IsSafe)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Milliseconds} ms, reset {Resets}, restart {Restarts}, {(IsSafe ? "safe" : "not safe: the time may have been told before")}");
}

/// <summary>What a TPM signed of its PCRs: TPMS_ATTEST with TPMS_QUOTE_INFO, TPM 2.0 Part 2, 10.12.12 and 10.12.4.</summary>
sealed class Attest
{
    const uint Generated = 0xff544347; // TPM_GENERATED_VALUE, Part 2, 6.2: 0xff and "TCG"
    const ushort OfQuote = 0x8018; // TPM_ST_ATTEST_QUOTE, Part 2, 6.9

    Attest()
    {
    }

    /// <summary>What whoever asked for the quote gave: its qualifying data.</summary>
    public required byte[] Nonce { get; init; }

    public required TpmClock Clock { get; init; }

    public required PcrSelection Pcrs { get; init; }

    /// <summary>Of the values of those PCRs, in the hash of the key's scheme.</summary>
    public required byte[] PcrDigest { get; init; }

    /// <param name="what">What it is, for messages.</param>
    /// <exception cref="TpmException">It is no quote that a TPM made.</exception>
    public static Attest Parse(ReadOnlySpan<byte> bytes, string what)
    {
        var reader = new TpmReader(bytes, what);
        uint magic = reader.Take32();
        if (magic != Generated)
        {
            throw reader.Refuse($"begins with 0x{magic:x8}, not with what a TPM begins its own statements with");
        }

        reader.Expect16(OfQuote, "the type");
        _ = reader.TakeSized(); // qualifiedSigner: the key's name, made longer by its parents'
        byte[] nonce = reader.TakeSized().ToArray();
        TpmClock clock = ReadClock(ref reader);
        _ = reader.Take64(); // firmwareVersion
        var attest = new Attest
        {
            Nonce = nonce,
            Clock = clock,
            Pcrs = PcrSelection.Read(ref reader),
            PcrDigest = reader.TakeSized().ToArray(),
        };
        reader.End();
        return attest;
    }

    static TpmClock ReadClock(ref TpmReader reader)
    {
        ulong time = reader.Take64();
        uint resets = reader.Take32();
        uint restarts = reader.Take32();
        byte safe = reader.Take8(); // TPMI_YES_NO, Part 2, 9.2
        return safe <= 1 ? new TpmClock(time, resets, restarts, safe == 1) : throw reader.Refuse("has a clock that is neither safe nor not");
    }
}
