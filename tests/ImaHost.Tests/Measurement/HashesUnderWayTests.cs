using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;
using Xunit;
using Sha256 = System.Security.Cryptography.SHA256;

namespace ImaHost.Tests.Measurement;

public sealed class HashesUnderWayTests : IDisposable
{
    const long Size = 32 << 20;
    const int Workers = 4;

    readonly string _path = Path.GetTempFileName();
    readonly HashesUnderWay _hashes = new(10_000);

    public HashesUnderWayTests() => File.WriteAllBytes(_path, new byte[Size]);

    public void Dispose() => File.Delete(_path);

    [Fact]
    public async Task File_that_many_ask_for_at_once_is_hashed_once()
    {
        Assert.All(await HashAtOnce(shared: true), digest => Assert.Equal(Expected(), $"{digest}"));
        Assert.Equal(Size, _hashes.Bytes);
    }

    [Fact]
    public async Task File_that_somebody_may_write_is_hashed_for_each()
    {
        Assert.All(await HashAtOnce(shared: false), digest => Assert.Equal(Expected(), $"{digest}"));
        Assert.Equal(Workers * Size, _hashes.Bytes);
    }

    [Fact]
    public async Task Who_waits_hashes_alone_when_the_first_gave_up()
    {
        using var begun = new ManualResetEventSlim();
        Task<Digest?> first = Hash(() =>
        {
            begun.Set();
            Thread.Sleep(300);
            return false;
        });
        begun.Wait(TestContext.Current.CancellationToken);
        Task<Digest?> second = Hash(() => true);

        Assert.Null(await first);
        Assert.NotNull(await second);
        Assert.Equal(Size, _hashes.Bytes);
    }

    [Fact]
    public async Task Who_is_gone_waits_no_longer()
    {
        using var begun = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        Task<Digest?> first = HashUntil(begun, release.WaitHandle);

        Assert.Null(await Hash(() => false));
        release.Set();
        Assert.NotNull(await first);
        Assert.Equal(Size, _hashes.Bytes);
    }

    [Fact]
    public async Task File_that_was_changed_is_hashed_anew()
    {
        using var begun = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        Task<Digest?> first = HashUntil(begun, release.WaitHandle);
        File.SetLastWriteTimeUtc(_path, DateTime.UnixEpoch);

        Assert.NotNull(await Hash(() => true));
        Assert.Equal(Size, _hashes.Bytes);
        release.Set();
        Assert.NotNull(await first);
        Assert.Equal(2 * Size, _hashes.Bytes);
    }

    string Expected() => $"sha256:{Convert.ToHexStringLower(Sha256.HashData(File.ReadAllBytes(_path)))}";

    /// <summary>The first goes on when all others are at it, or wait for the first: both are asked whether to go on.</summary>
    async Task<Digest?[]> HashAtOnce(bool shared)
    {
        using var begun = new ManualResetEventSlim();
        using var others = new CountdownEvent(Workers - 1);
        Task<Digest?> first = HashUntil(begun, others.WaitHandle, shared);
        return await Task.WhenAll([first, .. Enumerable.Range(1, Workers - 1).Select(_ => Join(others, shared))]);
    }

    /// <summary>Is under way when this returns, and not done before it is let go on.</summary>
    Task<Digest?> HashUntil(ManualResetEventSlim begun, WaitHandle release, bool shared = true)
    {
        Task<Digest?> hash = Hash(
            () =>
            {
                begun.Set();
                return release.WaitOne(TimeSpan.FromSeconds(10));
            },
            shared);
        begun.Wait(TestContext.Current.CancellationToken);
        return hash;
    }

    Task<Digest?> Join(CountdownEvent others, bool shared)
    {
        bool isCounted = false;
        return Hash(
            () =>
            {
                isCounted = isCounted || others.Signal() || true;
                return true;
            },
            shared);
    }

    /// <returns>Null: canceled.</returns>
    Task<Digest?> Hash(Func<bool> goOn, bool shared = true) =>
        Task.Factory.StartNew<Digest?>(
            () =>
            {
                using var hasher = new FileHasher(progressMilliseconds: 0);
                using HeldFile file = HeldFile.Open(_path);
                Assert.True(file.TryStat(out FileStat stat, out _));
                return _hashes.Hash(hasher, file, in stat, HashAlgorithm.Sha256, shared, _ => goOn(), out Digest digest) == 0
                    ? digest
                    : null;
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
}
