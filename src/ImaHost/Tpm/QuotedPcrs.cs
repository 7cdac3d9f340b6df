using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ImaHost.Crypto;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tpm;

/// <summary>
/// The values that a quote is about. As a file they are what tpm2_quote -o writes: the structures that tpm2-tss has in
/// memory, little-endian. A TPML_PCR_SELECTION of 16 places, a u32 that counts TPML_DIGEST, and those, of 8 places each.
/// </summary>
sealed class QuotedPcrs(PcrSelection selection, Digest[] values)
{
    const int BankSize = 8; // TPMS_PCR_SELECTION: hash, sizeofSelect, 4 bytes of bits, 1 that fills up
    const int SelectionSize = 4 + (PcrSelection.MostBanks * BankSize);
    const int MostInList = 8; // TPML_DIGEST, Part 2, 10.9.4
    const int PlaceSize = 2 + HashAlgorithm.MaxSize;
    const int ListSize = 4 + (MostInList * PlaceSize);

    public PcrSelection Selection => selection;

    /// <summary>In the order of <see cref="PcrSelection.Items"/>.</summary>
    public IReadOnlyList<Digest> Values => values;

    /// <param name="source">Has them all.</param>
    public static QuotedPcrs Take(PcrSelection selection, PcrSource source) =>
        new(selection, [.. selection.Items.Select(item => source(item.Bank, item.Pcr, out Digest value)
            ? value
            : throw new TpmException($"the TPM has no PCR {item.Pcr} in its {item.Bank} bank"))]);

    /// <exception cref="TpmException">It is no such file.</exception>
    public static QuotedPcrs Parse(ReadOnlySpan<byte> bytes, string what)
    {
        var reader = new TpmReader(bytes, what);
        PcrSelection selection = ReadSelection(reader.Take(SelectionSize), in reader);
        uint lists = BinaryPrimitives.ReadUInt32LittleEndian(reader.Take(4));
        HashAlgorithm[] banks = [.. selection.Items.Select(item => item.Bank)];
        var values = new List<Digest>(banks.Length);
        for (uint left = lists; left > 0; left--)
        {
            ReadList(reader.Take(ListSize), banks, values, in reader);
        }

        reader.End();
        return values.Count == banks.Length
            ? new QuotedPcrs(selection, [.. values])
            : throw reader.Refuse($"has {values.Count} values of {banks.Length} PCRs");
    }

    public byte[] ToFile()
    {
        int lists = (values.Length + MostInList - 1) / MostInList;
        byte[] file = new byte[SelectionSize + 4 + (lists * ListSize)];
        WriteSelection(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(SelectionSize), lists);
        for (int i = 0; i < values.Length; i++)
        {
            Span<byte> list = file.AsSpan(SelectionSize + 4 + (i / MostInList * ListSize), ListSize);
            int place = i % MostInList;
            BinaryPrimitives.WriteInt32LittleEndian(list, place + 1);
            list = list[(4 + (place * PlaceSize))..];
            BinaryPrimitives.WriteUInt16LittleEndian(list, (ushort)values[i].Bytes.Length);
            values[i].Bytes.CopyTo(list[2..]);
        }

        return file;
    }

    /// <summary>What a TPM signs of them: H(value ‖ value …).</summary>
    /// <param name="hash">That of the key's scheme.</param>
    public byte[] Hash(HashAlgorithm hash)
    {
        using var all = IncrementalHash.CreateHash(new HashAlgorithmName(hash.Name.ToUpperInvariant()));
        foreach (ref readonly Digest value in values.AsSpan())
        {
            all.AppendData(value.Bytes);
        }

        return all.GetHashAndReset();
    }

    /// <param name="place">Where they stand, for messages.</param>
    public PcrValues ToValues(string place)
    {
        var into = new PcrValues();
        foreach (((HashAlgorithm bank, int pcr), Digest value) in selection.Items.Zip(values))
        {
            into.Set(bank, pcr, in value, place);
        }

        return into;
    }

    /// <summary>For people: as tpm2_pcrread prints them.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        HashAlgorithm? last = null;
        foreach (((HashAlgorithm bank, int pcr), Digest value) in selection.Items.Zip(values))
        {
            _ = bank == last ? text : text.Append(CultureInfo.InvariantCulture, $"  {bank}:\n");
            _ = text.Append(CultureInfo.InvariantCulture, $"    {pcr,-2}: 0x{Convert.ToHexString(value.Bytes)}\n");
            last = bank;
        }

        return text.ToString();
    }

    static PcrSelection ReadSelection(ReadOnlySpan<byte> bytes, in TpmReader reader)
    {
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (count > PcrSelection.MostBanks || bytes[(4 + ((int)count * BankSize))..].ContainsAnyExcept((byte)0))
        {
            throw reader.Refuse($"selects PCRs of {count} banks, or more than it says");
        }

        var banks = new (HashAlgorithm Bank, uint Bits)[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> place = bytes.Slice(4 + (i * BankSize), BankSize);
            ushort id = BinaryPrimitives.ReadUInt16LittleEndian(place);
            byte size = place[2];
            banks[i].Bank = HashAlgorithm.FromTpmId(id) ?? throw reader.Refuse($"has a bank that is not known here, 0x{id:x4}");
            banks[i].Bits = PcrSelection.ReadBits(place.Slice(3, Math.Min(size, (byte)4)), in reader);
            if (size > 4 || place[(3 + size)..].ContainsAnyExcept((byte)0))
            {
                throw reader.Refuse($"has a selection of {size} bytes, or more than it says");
            }
        }

        return PcrSelection.Checked(banks, in reader);
    }

    /// <summary>What is not used must be zero: nothing can hide there, and no bit changes unseen.</summary>
    static void ReadList(ReadOnlySpan<byte> list, HashAlgorithm[] banks, List<Digest> into, in TpmReader reader)
    {
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(list);
        if (count is 0 or > MostInList || count > banks.Length - into.Count)
        {
            throw reader.Refuse($"has a list of {count} values");
        }

        for (int i = 0; i < MostInList; i++)
        {
            ReadOnlySpan<byte> place = list.Slice(4 + (i * PlaceSize), PlaceSize);
            int size = i < count ? banks[into.Count].Size : 0;
            int found = BinaryPrimitives.ReadUInt16LittleEndian(place);
            if (found != size || place[(2 + size)..].ContainsAnyExcept((byte)0))
            {
                throw reader.Refuse($"has a value of {found} bytes, or more than it says; expected {size}");
            }

            if (size > 0)
            {
                into.Add(new Digest(banks[into.Count], place[2..]));
            }
        }
    }

    void WriteSelection(Span<byte> file)
    {
        BinaryPrimitives.WriteInt32LittleEndian(file, selection.Banks.Count);
        for (int i = 0; i < selection.Banks.Count; i++)
        {
            (HashAlgorithm bank, uint bits) = selection.Banks[i];
            Span<byte> place = file.Slice(4 + (i * BankSize), BankSize);
            BinaryPrimitives.WriteUInt16LittleEndian(place, bank.TpmId);
            place[2] = 3;
            BinaryPrimitives.WriteUInt32LittleEndian(place[3..], bits); // 24 bits, and a zero
        }
    }
}
