using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>The digests that an entry extends, one per PCR bank (ima_calc_field_array_hash, ima_add_template_entry).</summary>
sealed class EntryDigests
{
    readonly DigestSet _digests;
    readonly Digest[] _values;
    readonly HashAlgorithm[] _banks;

    public EntryDigests(IReadOnlyList<HashAlgorithm> banks, DigestSet digests)
    {
        _banks = [.. banks];
        _values = new Digest[_banks.Length];
        _digests = digests;
    }

    public ReadOnlySpan<Digest> Values => _values;

    /// <summary>
    /// Every bank gets the template digest in its own algorithm. A violation extends ones where its entry shows
    /// zeros, so that no file can ever be given that digest.
    /// </summary>
    /// <param name="hashed">What template digests are taken of (<see cref="MeasurementRecord.HashedData"/>).</param>
    public void Compute(ReadOnlySpan<byte> hashed, bool violation)
    {
        for (int i = 0; i < _banks.Length; i++)
        {
            _values[i] = Of(_banks[i], _banks[i], hashed, violation, _digests);
        }
    }

    /// <summary>The digest that one entry extends in one bank.</summary>
    /// <param name="algorithm">
    /// The bank's, or SHA-1 where a kernel that had no implementation of the bank's extended SHA-1 padded with zeros.
    /// </param>
    public static Digest Of(
        HashAlgorithm bank, HashAlgorithm algorithm, ReadOnlySpan<byte> hashed, bool violation, DigestSet digests)
    {
        Span<byte> bytes = stackalloc byte[HashAlgorithm.MaxSize];
        if (violation)
        {
            bytes.Fill(0xff);
            return new Digest(bank, bytes);
        }

        if (algorithm == bank)
        {
            return digests.Hash(bank, hashed);
        }

        bytes.Clear();
        digests.Hash(algorithm, hashed).Bytes.CopyTo(bytes);
        return new Digest(bank, bytes);
    }
}
