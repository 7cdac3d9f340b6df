using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>A quote, and the part of the list that gives what it shows.</summary>
/// <param name="Entries">The entries that were extended before it, all of the list at that moment.</param>
/// <param name="Bytes">Those in the binary list.</param>
/// <param name="Path">The list.</param>
sealed record ListQuote(Quote Quote, long Entries, long Bytes, string Path);

/// <summary>
/// Has the TPM quote a list's PCRs, and those that boot_aggregate is made of, in every bank. Where nothing else is said
/// callers hold the list's lock: each call is short, so that entries come in between.
/// </summary>
sealed class PcrQuoter(TpmCommands tpm, IReadOnlyList<HashAlgorithm> banks, AttestationKey key)
{
    /// <summary>PCRs 0 to 9 are the firmware's and the boot loader's.</summary>
    public const int BootPcrs = 10;

    readonly Dictionary<int, Digest[]> _boot = [];

    /// <summary>Makes the key: what takes long, the first time.</summary>
    public void PrepareKey() => key.Prepare();

    /// <summary>The key, for the next host; null: it need not be made.</summary>
    public MadeKey? Made => key.Made;

    /// <summary>The key that signs. After <see cref="PrepareKey"/>.</summary>
    public TpmPublic Key => key.Public!;

    /// <summary>Has some PCRs quoted, whatever they hold: needs no lock of the list.</summary>
    /// <param name="signature">TPMT_SIGNATURE.</param>
    /// <returns>TPMS_ATTEST.</returns>
    /// <exception cref="IOException">The TPM refused or failed.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public byte[] Sign(ReadOnlySpan<byte> qualifyingData, IEnumerable<int> pcrs, out byte[] signature) =>
        key.Quote(qualifyingData, PcrSelection.Of(banks, pcrs), out signature);

    /// <summary>What a PCR holds that is not the list's, read once: firmware and boot loader are done with theirs.</summary>
    public Digest[] ReadBootPcr(int pcr)
    {
        if (!_boot.TryGetValue(pcr, out Digest[]? values))
        {
            _boot[pcr] = values = tpm.ReadPcr(banks, pcr);
        }

        return values;
    }

    /// <param name="expected">What the list's PCRs hold.</param>
    /// <returns>Null when some PCR holds something else than is known of it.</returns>
    /// <exception cref="IOException">The TPM refused or failed.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public Quote? TryQuote(ReadOnlySpan<byte> nonce, PcrBanks expected)
    {
        var selection = PcrSelection.Of(banks, Enumerable.Range(0, BootPcrs).Concat(expected.Used));
        bool Find(HashAlgorithm bank, int pcr, out Digest value)
        {
            ReadOnlySpan<Digest> values = expected.IsUsed(pcr) ? expected[pcr] : _boot.GetValueOrDefault(pcr, []);
            int index = Enumerable.Range(0, values.Length).FirstOrDefault(i => banks[i] == bank, -1);
            value = index < 0 ? default : values[index];
            return index >= 0;
        }

        var pcrs = QuotedPcrs.Take(selection, Find);
        byte[] message = key.Quote(nonce, selection, out byte[] signature);
        var attest = Attest.Parse(message, "the TPM's quote");
        if (attest.PcrDigest.AsSpan().SequenceEqual(pcrs.Hash(key.Public!.Hash)))
        {
            return new Quote(message, signature, key.Public, pcrs);
        }

        _boot.Clear();
        return null;
    }
}
