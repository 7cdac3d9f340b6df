using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>PCR values computed in software: what a TPM holds if it was extended as we say.</summary>
sealed class PcrBanks
{
    readonly HashAlgorithm[] _banks;
    readonly DigestSet _digests;
    readonly Dictionary<int, Digest[]> _values = [];
    readonly byte[] _scratch = new byte[2 * HashAlgorithm.MaxSize];

    public PcrBanks(IReadOnlyList<HashAlgorithm> banks, DigestSet digests)
    {
        _banks = [.. banks];
        _digests = digests;
    }

    public IReadOnlyList<HashAlgorithm> Banks => _banks;

    /// <summary>The PCRs that were extended.</summary>
    public IReadOnlyCollection<int> Used => _values.Keys;

    public bool IsUsed(int pcr) => _values.ContainsKey(pcr);

    /// <summary>The value of a PCR in every bank, in the order of <see cref="Banks"/>.</summary>
    public ReadOnlySpan<Digest> this[int pcr] => Values(pcr);

    /// <summary>Gives a PCR a value that it is known to have had.</summary>
    /// <param name="values">In the order of <see cref="Banks"/>.</param>
    public void Set(int pcr, ReadOnlySpan<Digest> values) => _values[pcr] = values.ToArray();

    /// <summary>The same values, which go on by themselves.</summary>
    public PcrBanks Clone(DigestSet digests)
    {
        var copy = new PcrBanks(_banks, digests);
        foreach ((int pcr, Digest[] values) in _values)
        {
            copy.Set(pcr, values);
        }

        return copy;
    }

    /// <summary>new = H(old ‖ digest) in every bank: TPM2_PCR_Extend, TPM 2.0 Part 3, 22.2.</summary>
    public void Extend(int pcr, ReadOnlySpan<Digest> digests)
    {
        if (!_values.TryGetValue(pcr, out Digest[]? values))
        {
            values = Values(pcr);
            _values.Add(pcr, values);
        }

        for (int i = 0; i < values.Length; i++)
        {
            int size = _banks[i].Size;
            values[i].Bytes.CopyTo(_scratch);
            digests[i].Bytes.CopyTo(_scratch.AsSpan(size));
            values[i] = _digests.Hash(_banks[i], _scratch.AsSpan(0, 2 * size));
        }
    }

    /// <summary>Are these the values of that PCR?</summary>
    public bool Match(int pcr, ReadOnlySpan<Digest> found)
    {
        Digest[] values = Values(pcr);
        for (int i = 0; i < values.Length; i++)
        {
            if (!values[i].Bytes.SequenceEqual(found[i].Bytes))
            {
                return false;
            }
        }

        return true;
    }

    Digest[] Values(int pcr) =>
        _values.TryGetValue(pcr, out Digest[]? values) ? values : Array.ConvertAll(_banks, bank => Initial(bank, pcr));

    /// <summary>PCRs 17 to 22 start as all ones (PC Client Platform TPM Profile, 4.6.2), the others as zero.</summary>
    static Digest Initial(HashAlgorithm bank, int pcr)
    {
        Span<byte> bytes = stackalloc byte[bank.Size];
        bytes.Fill(pcr is >= 17 and <= 22 ? (byte)0xff : (byte)0);
        return new Digest(bank, bytes);
    }
}
