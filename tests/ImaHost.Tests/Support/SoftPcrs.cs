using System.Security.Cryptography;
using ImaHost.Crypto;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Support;

/// <summary>PCRs extended by the platform's hash functions: what the product's replay is compared with.</summary>
sealed class SoftPcrs(params HashAlgorithm[] banks)
{
    readonly Dictionary<(HashAlgorithm Bank, int Pcr), byte[]> _values = [];

    public IReadOnlyList<HashAlgorithm> Banks => banks;

    public byte[] this[HashAlgorithm bank, int pcr]
    {
        get => _values.TryGetValue((bank, pcr), out byte[]? value)
            ? value
            : [.. Enumerable.Repeat((byte)(pcr is >= 17 and <= 22 ? 0xff : 0), bank.Size)];
        set => _values[(bank, pcr)] = value;
    }

    /// <summary>PCRs that hold what these entries give.</summary>
    public static SoftPcrs After(IEnumerable<Entry> entries, params HashAlgorithm[] banks)
    {
        var pcrs = new SoftPcrs(banks);
        foreach (Entry entry in entries)
        {
            pcrs.Take(entry);
        }

        return pcrs;
    }

    public bool TryGet(HashAlgorithm bank, int pcr, out Digest value)
    {
        bool known = banks.Contains(bank);
        value = known ? new Digest(bank, this[bank, pcr]) : default;
        return known;
    }

    public void Extend(HashAlgorithm bank, int pcr, byte[] digest) =>
        this[bank, pcr] = Hash(bank, [.. this[bank, pcr], .. digest]);

    /// <param name="padded">As a kernel extends that has only SHA-1.</param>
    public void Take(Entry entry, bool padded = false)
    {
        foreach (HashAlgorithm bank in banks)
        {
            Extend(bank, entry.Pcr, DigestOf(entry, bank, padded ? HashAlgorithm.Sha1 : bank));
        }
    }

    static byte[] DigestOf(Entry entry, HashAlgorithm bank, HashAlgorithm algorithm)
    {
        byte[] digest = new byte[bank.Size];
        if (entry.IsViolation)
        {
            digest.AsSpan().Fill(0xff);
        }
        else
        {
            Hash(algorithm, entry.Data()).CopyTo(digest, 0);
        }

        return digest;
    }

    static byte[] Hash(HashAlgorithm algorithm, byte[] data) =>
        CryptographicOperations.HashData(new HashAlgorithmName(algorithm.Name.ToUpperInvariant()), data);
}
