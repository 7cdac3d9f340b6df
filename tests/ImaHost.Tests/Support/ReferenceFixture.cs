using System.Security.Cryptography;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>Directories of lists, and a state directory, as long as a test.</summary>
sealed class ReferenceFixture : IDisposable
{
    public const long Now = 1_900_000_000;

    readonly TemporaryDirectory _directory = new();

    public ReferenceFixture()
    {
        foreach (string directory in (string[])[Vendor, Lists, Settings.Packages])
        {
            _ = Directory.CreateDirectory(directory);
        }
    }

    public string Root => _directory.Root;

    public string Vendor => _directory.At("vendor");

    public string Lists => _directory.At("lists");

    public ReferenceSettings Settings => new([Vendor, Lists], _directory.At("state")) { Limit = Limit, Keys = Keys };

    public int Limit { get; set; } = 10_000;

    public PolicyKeys? Keys { get; set; }

    public void Dispose() => _directory.Dispose();

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] content)
    {
        string path = Path.Combine(Lists, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>The list of a package, with a digest in each line after six of comments.</summary>
    public string WritePackage(string name, params int[] contents)
    {
        string path = Path.Combine(Settings.Packages, $"{name}_1.0-1_amd64.sha256");
        File.WriteAllText(path, Header(name) + string.Concat(contents.Select(one => $"{Hex(one)}  /usr/bin/{name}{one}\n")));
        return path;
    }

    public static string Header(string package) =>
        $"# imahost package list 1\n# manager: dpkg\n# package: {package}\n# version: 1.0-1\n# architecture: amd64\n"
        + "# recorded: unpack 2026-11-30T09:00:00Z\n";

    /// <summary>The SHA-256 of some content that nobody else has.</summary>
    public static Digest DigestOf(int content) => new(ImaHost.Crypto.HashAlgorithm.Sha256, SHA256.HashData(BitConverter.GetBytes(content)));

    public static string Hex(int content) => Convert.ToHexStringLower(DigestOf(content).Bytes);

    public static string Hex512(int content) => Convert.ToHexStringLower(SHA512.HashData(BitConverter.GetBytes(content)));

    /// <summary>What is in force, where no list is refused.</summary>
    public ReferenceIndex Open()
    {
        ReferenceIndex index = Open(out IReadOnlyList<string> warnings);
        Assert.Empty(warnings);
        return index;
    }

    public ReferenceIndex Open(out IReadOnlyList<string> warnings)
    {
        var store = new ReferenceStore(Settings);
        warnings = store.Open();
        return store.Current;
    }

    /// <summary>Reads one list, which is refused.</summary>
    /// <returns>Why, without the path in front.</returns>
    public string Refusal(string name, string text) => Refusal(name, Encoding.UTF8.GetBytes(text));

    public string Refusal(string name, byte[] content)
    {
        string path = Write(name, content);
        _ = Open(out IReadOnlyList<string> warnings);
        string warning = Assert.Single(warnings);
        Assert.StartsWith(path + ":", warning, StringComparison.Ordinal);
        Assert.DoesNotContain(warning, char.IsControl);
        return warning[(path.Length + 1)..];
    }

    /// <summary>"LIST:LINE" of who vouches; null: nobody does.</summary>
    public static string? Find(
        ReferenceIndex index, int content, string path = "/anywhere",
        Vouching kinds = Vouching.Reference | Vouching.Package, long now = Now) => Find(index, DigestOf(content), path, kinds, now);

    public static string? Find(ReferenceIndex index, in Digest digest, string path, Vouching kinds, long now = Now) =>
        index.TryFind(in digest, Encoding.UTF8.GetBytes(path), kinds, now, out ReferenceHit hit)
            ? $"{Path.GetFileName(index[hit.Source].File)}:{hit.Line}"
            : null;
}
