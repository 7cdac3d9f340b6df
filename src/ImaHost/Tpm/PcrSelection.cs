using System.Numerics;
using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>PCRs of some banks, as a TPM lists them: TPML_PCR_SELECTION, TPM 2.0 Part 2, 10.9.7.</summary>
sealed class PcrSelection
{
    /// <summary>HASH_COUNT of the TCG's header files: banks of one selection at most.</summary>
    public const int MostBanks = 16;
    const int BitmapSize = 3; // PC Client Platform TPM Profile: 24 PCRs
    const uint AllPcrs = (1 << (TpmCommands.MaxPcr + 1)) - 1;

    readonly (HashAlgorithm Bank, uint Bits)[] _banks;

    PcrSelection((HashAlgorithm Bank, uint Bits)[] banks) => _banks = banks;

    /// <summary>The banks, and of each the PCRs as bits.</summary>
    public IReadOnlyList<(HashAlgorithm Bank, uint Bits)> Banks => _banks;

    /// <summary>How many values it selects.</summary>
    public int Count => _banks.Sum(bank => BitOperations.PopCount(bank.Bits));

    /// <summary>One after the other in the order in which a TPM hashes their values: Part 1, "Digest of PCR".</summary>
    public IEnumerable<(HashAlgorithm Bank, int Pcr)> Items =>
        from bank in _banks
        from pcr in Enumerable.Range(0, TpmCommands.MaxPcr + 1)
        where (bank.Bits & (1u << pcr)) != 0
        select (bank.Bank, pcr);

    /// <summary>The same PCRs of each bank.</summary>
    public static PcrSelection Of(IEnumerable<HashAlgorithm> banks, IEnumerable<int> pcrs)
    {
        uint bits = pcrs.Aggregate(0u, (all, pcr) => all | (1u << pcr));
        return new PcrSelection([.. banks.Select(bank => (bank, bits))]);
    }

    /// <exception cref="TpmException">It is none, or of PCRs that no TPM has.</exception>
    public static PcrSelection Read(ref TpmReader reader)
    {
        uint count = reader.Take32();
        if (count > MostBanks)
        {
            throw reader.Refuse($"selects PCRs of {count} banks; a TPM has {MostBanks} at most");
        }

        var banks = new (HashAlgorithm Bank, uint Bits)[count];
        for (int i = 0; i < count; i++)
        {
            banks[i].Bank = reader.TakeHash();
            banks[i].Bits = ReadBits(reader.Take(reader.Take8()), in reader);
        }

        return Checked(banks, in reader);
    }

    /// <param name="banks">What somebody selected.</param>
    /// <param name="reader">Who read it.</param>
    /// <exception cref="TpmException">A bank is there twice: its values would be ambiguous.</exception>
    public static PcrSelection Checked((HashAlgorithm Bank, uint Bits)[] banks, in TpmReader reader) =>
        banks.DistinctBy(bank => bank.Bank).Count() == banks.Length
            ? new PcrSelection(banks)
            : throw reader.Refuse("selects PCRs of one bank twice");

    /// <summary>Bit n of byte m is PCR 8m + n: Part 2, 10.6.1.</summary>
    public static uint ReadBits(ReadOnlySpan<byte> bitmap, in TpmReader reader)
    {
        ulong bits = 0;
        for (int i = 0; i < bitmap.Length && i < sizeof(ulong); i++)
        {
            bits |= (ulong)bitmap[i] << (8 * i);
        }

        return bitmap.Length is >= BitmapSize and <= 4 && bits <= AllPcrs
            ? (uint)bits
            : throw reader.Refuse($"selects PCRs after {TpmCommands.MaxPcr}, or by a bitmap of {bitmap.Length} bytes");
    }

    public void Write(TpmWriter writer)
    {
        writer.Put32((uint)_banks.Length);
        foreach ((HashAlgorithm bank, uint bits) in _banks)
        {
            writer.Put16(bank.TpmId);
            writer.Put8(BitmapSize);
            for (int i = 0; i < BitmapSize; i++)
            {
                writer.Put8((byte)(bits >> (8 * i)));
            }
        }
    }

    public bool Equals(PcrSelection other) => _banks.SequenceEqual(other._banks);
}
