using ImaHost.Crypto;

namespace ImaHost.MeasurementList;

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
    public void Compute(ReadOnlySpan<byte> data, bool violation)
    {
        Span<byte> ones = stackalloc byte[HashAlgorithm.MaxSize];
        ones.Fill(0xff);
        for (int i = 0; i < _banks.Length; i++)
        {
            _values[i] = violation ? new Digest(_banks[i], ones) : _digests.Hash(_banks[i], data);
        }
    }
}
