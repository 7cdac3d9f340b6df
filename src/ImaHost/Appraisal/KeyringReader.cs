using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>Reads the files of a <see cref="Keyring"/>.</summary>
static class KeyringReader
{
    const int MostBytes = 1 << 20;
    static readonly TimeSpan Notice = TimeSpan.FromDays(30);
    static readonly string[] Endings = [".der", ".pem", ".cer", ".crt", ".x509"];

    /// <summary>
    /// Takes all keys that can be. A file that holds something else, or one weak key, is refused as a whole; the others
    /// stay.
    /// </summary>
    /// <param name="paths">Directories, whose files *.der, *.pem, *.cer, *.crt and *.x509 are read, or files.</param>
    public static Keyring Load(
        IReadOnlyList<string> paths, Blacklist blacklist, TimeProvider clock, ExpiredKeys expired)
    {
        var warnings = new List<string>();
        var keys = new List<ImaKey>();
        foreach (string file in VoucherFiles.In(paths, IsKey, warnings))
        {
            if (VoucherFiles.TryRead(file, MostBytes, warnings) is { } content)
            {
                keys.AddRange(TryParse(file, content, blacklist, expired, clock.GetUtcNow(), warnings));
            }
        }

        // The same certificate in DER and PEM is one key.
        IEnumerable<ImaKey> distinct = keys.DistinctBy(key =>
            (key.Id, Convert.ToHexString(key.PublicKey), key.NotAfter, key.IsRevoked));
        return new Keyring(distinct, blacklist, clock, expired, warnings);
    }

    static bool IsKey(string name) =>
        Endings.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    static ImaKey[] TryParse(
        string file, byte[] content, Blacklist blacklist, ExpiredKeys expired, DateTimeOffset now, List<string> warnings)
    {
        try
        {
            IReadOnlyList<EnvelopedKey> sources = KeyFile.Parse(content);
            ImaKey[] keys = [.. sources.Select(source => ImaKey.Of(file, source, blacklist))];
            warnings.AddRange(sources.Select(source => source.Certificate?.TimeProblem(now, Notice))
                .OfType<string>().Select(problem => $"{file}: {problem}{Consequence(expired)}"));
            warnings.AddRange(keys.Where(key => key.IsRevoked)
                .Select(key => $"{file}: key {key.Id:x8} ({key.Name}) is revoked by the blacklist"));
            return keys;
        }
        catch (KeyRefusedException e)
        {
            warnings.Add($"{file}: {e.Message}");
            return [];
        }
    }

    static string Consequence(ExpiredKeys expired) => expired switch
    {
        ExpiredKeys.Accept => "; its signatures are accepted all the same (expired_keys)",
        ExpiredKeys.Refuse => "; after its end its signatures are refused (expired_keys)",
        _ => throw new ArgumentOutOfRangeException(nameof(expired)),
    };
}
