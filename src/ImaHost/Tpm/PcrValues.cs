using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>The values of PCRs by bank, as somebody else read them from a TPM. Not every PCR has one.</summary>
sealed class PcrValues
{
    readonly List<HashAlgorithm> _banks = [];
    readonly Dictionary<(HashAlgorithm Bank, int Pcr), (Digest Value, string Place)> _values = [];

    /// <summary>The banks of which at least one value is known, in the order in which they came.</summary>
    public IReadOnlyList<HashAlgorithm> Banks => _banks;

    public bool TryGet(HashAlgorithm bank, int pcr, out Digest value)
    {
        bool found = _values.TryGetValue((bank, pcr), out (Digest Value, string) known);
        value = known.Value;
        return found;
    }

    /// <param name="place">Where the value stands, "FILE:LINE" or the name of a TPM: for the message.</param>
    /// <exception cref="PcrFormatException">It has another value already; the message names both places.</exception>
    public void Set(HashAlgorithm bank, int pcr, in Digest value, string place = "the caller")
    {
        if (!_values.TryGetValue((bank, pcr), out (Digest Value, string Place) known))
        {
            _values.Add((bank, pcr), (value, place));
            if (!_banks.Contains(bank))
            {
                _banks.Add(bank);
            }
        }
        else if (!known.Value.Bytes.SequenceEqual(value.Bytes))
        {
            throw new PcrFormatException($"{place}: PCR {pcr} is {value}, but {known.Value} at {known.Place}");
        }
    }
}
