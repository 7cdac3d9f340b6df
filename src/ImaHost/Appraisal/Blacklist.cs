using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>
/// What nobody vouches for any more, in the words of the kernel's .blacklist keyring: <c>bin:HEX</c>, the digest of a
/// file by whatever hash, and <c>tbs:HEX</c>, the digest of a certificate's TBSCertificate. In addition
/// <c>key:HEX</c>: the identifier of a key, or the end of it, at least the four bytes that signatures name. One in each
/// line; # begins a remark.
/// </summary>
sealed class Blacklist
{
    readonly IReadOnlyList<BlacklistEntry> _entries;
    readonly RevokedBytes _digests;
    readonly RevokedBytes _certificates;
    readonly RevokedBytes _keys;

    Blacklist(IReadOnlyList<BlacklistEntry> entries, IReadOnlyList<string> warnings)
    {
        _entries = entries;
        _digests = Of(entries, BlacklistKind.Digest);
        _certificates = Of(entries, BlacklistKind.Certificate);
        _keys = Of(entries, BlacklistKind.Key);
        Count = entries.Count;
        Warnings = warnings;
        Stamp = ComputeStamp(entries);
    }

    /// <summary>Nothing is revoked.</summary>
    public static Blacklist Empty { get; } = new([], []);

    /// <summary>What was not understood, as FILE:LINE: REASON. All other lines are in force.</summary>
    public IReadOnlyList<string> Warnings { get; }

    public int Count { get; }

    /// <summary>Another for other contents.</summary>
    public ulong Stamp { get; }

    /// <param name="paths">Directories, all of whose files are read, or files.</param>
    /// <param name="before">What was revoked until now: it stays so as long as something cannot be read. Null: nothing.</param>
    public static Blacklist Load(IReadOnlyList<string> paths, Blacklist? before = null)
    {
        var warnings = new List<string>();
        var entries = new List<BlacklistEntry>();
        bool isWhole = true;
        IReadOnlyList<string> files = VoucherFiles.In(paths, static _ => true, warnings);
        isWhole &= warnings.Count == 0;
        foreach (string file in files)
        {
            isWhole &= BlacklistReader.TryRead(file, entries, warnings);
        }

        if (!isWhole && before is { Count: > 0 })
        {
            entries.AddRange(before._entries.Where(old => !entries.Exists(one => one.Kind == old.Kind && one.Bytes.AsSpan().SequenceEqual(old.Bytes))));
            warnings.Add("what was revoked until now stays so until all of the blacklist can be read");
        }

        return entries.Count == 0 && warnings.Count == 0 ? Empty : new Blacklist(entries, warnings);
    }

    /// <summary>Is the digest of a content revoked? As in the kernel by its bytes alone, whatever the hash.</summary>
    public bool IsRevoked(in Digest digest) => _digests.Contains(digest.Bytes);

    /// <summary>
    /// Is a key revoked, by an identifier, or the certificate it came in? The key in another certificate is not by the
    /// latter.
    /// </summary>
    public bool IsRevokedKey(EnvelopedKey key) =>
        _keys.HasEndOf(key.Fingerprint)
        || (key.Certificate?.KeyIdentifier is { } identifier && _keys.HasEndOf(identifier))
        || (key.Certificate is { } certificate && IsRevoked(certificate));

    /// <summary>The kernel hashes by the algorithm of the certificate's own signature; here any will do.</summary>
    bool IsRevoked(CertificateFacts certificate) =>
        _certificates.Any
        && HashAlgorithm.All.Any(hash => _certificates.Contains(Digest.Of(hash, certificate.Signed).Bytes));

    static RevokedBytes Of(IReadOnlyList<BlacklistEntry> entries, BlacklistKind kind) =>
        new(entries.Where(entry => entry.Kind == kind).Select(entry => entry.Bytes));

    static ulong ComputeStamp(IReadOnlyList<BlacklistEntry> entries)
    {
        byte[] all = [.. entries.SelectMany(entry => (byte[])[(byte)entry.Kind, (byte)entry.Bytes.Length, .. entry.Bytes])];
        return BinaryPrimitives.ReadUInt64LittleEndian(Digest.Of(HashAlgorithm.Sha256, all).Bytes);
    }
}
