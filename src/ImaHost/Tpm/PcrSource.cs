using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>Where PCR values come from: a TPM, or a file.</summary>
/// <returns>False when it has no such PCR.</returns>
delegate bool PcrSource(HashAlgorithm bank, int pcr, out Digest value);

/// <summary>The PCRs of a TPM, each read once, when it is first asked for.</summary>
/// <param name="banks">Its allocated banks.</param>
sealed class LivePcrs(TpmCommands tpm, IReadOnlyList<HashAlgorithm> banks)
{
    readonly Dictionary<int, Digest[]> _values = [];

    /// <exception cref="IOException">The TPM failed.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public bool TryGet(HashAlgorithm bank, int pcr, out Digest value)
    {
        if (!_values.TryGetValue(pcr, out Digest[]? read))
        {
            read = tpm.ReadPcr(banks, pcr);
            _values.Add(pcr, read);
        }

        value = read.FirstOrDefault(one => one.Algorithm == bank);
        return value.Algorithm != null;
    }

    /// <summary>The values of a PCR in every bank.</summary>
    public Digest[] this[int pcr] => TryGet(banks[0], pcr, out _) ? _values[pcr] : [];
}
