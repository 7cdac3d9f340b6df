using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Appraisal;

/// <summary>Who may write what vouches or revokes, and what becomes of it when it cannot be read.</summary>
public sealed class TrustedPlacesTests : IDisposable
{
    const string Revoked = "bin:0102030405060708091011121314151617181920212223242526272829303132";

    readonly TemporaryDirectory _directory = new();
    readonly Digest _digest = new(HashAlgorithm.Sha256, Convert.FromHexString(Revoked[4..]));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Revocations_stay_while_their_file_cannot_be_read()
    {
        string file = _directory.Write("blacklist.d/site", Revoked + "\n");
        string place = Path.GetDirectoryName(file)!;
        Blacklist before = Blacklist.Load([place]);
        Assert.True(before.IsRevoked(in _digest));

        File.Delete(file);
        _ = Directory.CreateDirectory(Path.Combine(place, "elsewhere"));
        File.CreateSymbolicLink(file, "elsewhere/missing");
        Blacklist after = Blacklist.Load([place], before);

        Assert.True(after.IsRevoked(in _digest));
        Assert.Contains(after.Warnings, warning => warning.StartsWith("what was revoked until now stays so", StringComparison.Ordinal));
        Assert.False(Blacklist.Load([place]).IsRevoked(in _digest));
    }

    [Fact]
    public void Revocation_that_was_taken_back_ends_when_all_can_be_read()
    {
        string file = _directory.Write("blacklist.d/site", Revoked + "\n");
        Blacklist before = Blacklist.Load([Path.GetDirectoryName(file)!]);

        File.WriteAllText(file, "# nothing\n");

        Assert.False(Blacklist.Load([Path.GetDirectoryName(file)!], before).IsRevoked(in _digest));
    }

    [Fact]
    public void Revocations_that_others_may_write_count_and_are_told_of()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "files of root are root's alone");
        string file = _directory.Write("blacklist.d/site", Revoked + "\n");
        File.SetUnixFileMode(file, (UnixFileMode)0b110_110_110);

        Blacklist loaded = Blacklist.Load([file]);

        Assert.True(loaded.IsRevoked(in _digest));
        Assert.Equal($"{file}: others than root may write it: chown root:root and chmod go-w", Assert.Single(loaded.Warnings));
    }

    [Fact]
    public void Lists_and_keys_that_others_may_write_are_refused()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "files of root are root's alone");
        const UnixFileMode all = (UnixFileMode)0b110_110_110;
        string list = _directory.Write("lists/a.sha256", $"{Revoked[4..]}  /a\n");
        string key = _directory.Write("keys/a.pem", "-----BEGIN PUBLIC KEY-----\n");
        File.SetUnixFileMode(list, all);
        File.SetUnixFileMode(key, all);
        var store = new ReferenceStore(new ReferenceSettings([Path.GetDirectoryName(list)!], _directory.At("state")));

        Assert.Contains("others than root may write it", Assert.Single(store.Open()), StringComparison.Ordinal);
        Assert.Equal(0, store.Current.Count);
        Assert.Contains(
            "others than root may write it",
            Assert.Single(Keyring.Load([key], Blacklist.Empty, TimeProvider.System).Warnings), StringComparison.Ordinal);
    }
}
