using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Benchmarks;

/// <summary>Lists of reference digests in a directory of their own, which goes with them.</summary>
sealed class ReferencePlace : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("imahost-bench-").FullName;

    public ReferencePlace() => _ = Directory.CreateDirectory(Settings.Packages);

    public ReferenceSettings Settings => new([Path.Combine(_directory, "lists")], Path.Combine(_directory, "state"));

    /// <summary>As sha256sum writes it.</summary>
    public void WriteList(string name, int first, int count)
    {
        _ = Directory.CreateDirectory(Settings.Entries[0]);
        Write(Path.Combine(Settings.Entries[0], $"{name}.sha256"), "", first, count);
    }

    /// <summary>Of a package.</summary>
    public void WritePackage(int first, int count) => Write(
        Path.Combine(Settings.Packages, $"package{first}_1.0-1_amd64.sha256"),
        $"# imahost package list 1\n# manager: dpkg\n# package: package{first}\n# version: 1.0-1\n# architecture: amd64\n"
            + "# recorded: unpack 2026-11-30T09:00:00Z\n",
        first, count);

    /// <summary>The digest with that number.</summary>
    public static Digest DigestOf(int number)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(BitConverter.GetBytes(number), digest);
        return new Digest(HashAlgorithm.Sha256, digest);
    }

    /// <summary>Digests of these numbers in an order that has nothing to do with that of any index.</summary>
    public static Digest[] Shuffled(int first, int count)
    {
        Digest[] digests = [.. Enumerable.Range(first, count).Select(DigestOf)];
        new Random(1).Shuffle(digests);
        return digests;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    static void Write(string path, string header, int first, int count)
    {
        var text = new StringBuilder(header);
        for (int number = first; number < first + count; number++)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(DigestOf(number).Bytes)}  /usr/lib/package{first}/file{number}\n");
        }

        File.WriteAllText(path, text.ToString());
    }
}
