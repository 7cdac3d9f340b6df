using System.Diagnostics;
using ImaHost.Appraisal;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Appraisal;

/// <summary>Whatever happens to the index and to who builds it, the answers are those of the lists.</summary>
public sealed class ReferenceCrashTests : IDisposable
{
    const int Digests = 300;

    readonly ReferenceFixture _lists = new();

    public void Dispose() => _lists.Dispose();

    [Fact]
    public void Index_that_is_cut_off_is_built_anew()
    {
        byte[] whole = BuildSome();
        for (int length = 0; length < whole.Length; length += Math.Max(1, whole.Length / 60))
        {
            Replace(whole[..length]);
            RequireAll();
        }

        Replace([.. whole, 0]);
        RequireAll();
    }

    [Fact]
    public void Index_of_another_version_or_with_a_damaged_header_or_table_is_built_anew()
    {
        byte[] whole = BuildSome();
        int sources = whole.Length - 64;
        foreach (int at in Enumerable.Range(0, 120).Concat([200, 1023, sources, whole.Length - 1]))
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x10;
            Replace(damaged);
            Assert.Null(ReferenceIndex.TryOpen(_lists.Settings.IndexPath));
        }

        RequireAll();
    }

    [Fact]
    public void Index_with_damaged_rows_ends_nobody()
    {
        byte[] whole = BuildSome();
        var random = new Random(1);
        for (int round = 0; round < 200; round++)
        {
            byte[] damaged = [.. whole];
            int start = random.Next(1024, whole.Length - 2048);
            random.NextBytes(damaged.AsSpan(start, random.Next(1, 1024)));
            Replace(damaged);
            if (ReferenceIndex.TryOpen(_lists.Settings.IndexPath) is { } index)
            {
                for (int content = 0; content < Digests; content++)
                {
                    _ = Find(index, content, "/opt/a");
                    _ = index.FindAll(DigestOf(content), isVerity: false);
                }

                _ = index.FindPath("/a1"u8);
            }
        }
    }

    [Fact]
    public void What_another_build_left_behind_is_of_no_account()
    {
        _ = BuildSome();
        foreach (string left in (string[])[".new", ".runs"])
        {
            File.WriteAllText(_lists.Settings.IndexPath + left, "left behind");
        }

        _ = _lists.Write("b.sha256", $"{Hex(1000)}  /b\n");
        RequireAll();
        Assert.NotNull(Find(_lists.Open(), 1000));
        Assert.False(File.Exists(_lists.Settings.IndexPath + ".new"));
        Assert.False(File.Exists(_lists.Settings.IndexPath + ".runs"));
    }

    [Fact]
    public void Builder_that_is_killed_leaves_the_old_index_or_the_new_one()
    {
        const int digests = 20_000;
        ReferenceSettings settings = _lists.Settings;
        string configuration = Path.Combine(_lists.Root, "imahost.yaml");
        File.WriteAllText(configuration, $"reference: [{_lists.Lists}]\nstate: {settings.State}\n");
        void Write(int first) => _lists.Write(
            "a.sha256", string.Concat(Enumerable.Range(first, digests).Select(content => $"{Hex(content)}  /a{content}\n")));

        _lists.Limit = ReferenceLists.DefaultLimit;
        Write(0);
        _ = _lists.Open();
        int killed = 0;
        int first = 0;
        for (int round = 0; round < 12; round++)
        {
            int next = (round + 1) * digests;
            Write(next);
            using var builder = Process.Start(
                Path.Combine(AppContext.BaseDirectory, "imahost"), ["reference", "update", "--config", configuration])!;
            if (!builder.WaitForExit(60 * (round + 1)))
            {
                builder.Kill();
                builder.WaitForExit();
                killed++;
            }

            ReferenceIndex index = ReferenceIndex.TryOpen(settings.IndexPath)!;
            Assert.Equal(digests, index.Count);
            first = Find(index, next) != null ? next : first;
            for (int content = first; content < first + digests; content += 97)
            {
                Assert.NotNull(Find(index, content));
            }
        }

        Assert.InRange(killed, 1, 12);
    }

    [Fact]
    public void Looking_up_goes_on_while_indexes_are_replaced()
    {
        _ = BuildSome();
        var store = new ReferenceStore(_lists.Settings);
        _ = store.Open();
        bool isOver = false;
        int looked = 0;
        Thread[] lookers =
        [
            .. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
            {
                while (!Volatile.Read(ref isOver))
                {
                    ReferenceIndex index = store.Current;
                    for (int content = 0; content < Digests; content++)
                    {
                        Assert.NotNull(Find(index, content, "/opt/a"));
                    }

                    _ = Interlocked.Increment(ref looked);
                }
            })),
        ];
        Array.ForEach(lookers, looker => looker.Start());
        for (int i = 0; i < 20 || Volatile.Read(ref looked) < 20; i++)
        {
            _ = _lists.Write("b.sha256", $"{Hex(1000 + i)}  /b\n");
            _ = store.Refresh();
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Volatile.Write(ref isOver, true);
        Array.ForEach(lookers, looker => looker.Join());
    }

    /// <returns>The index of lists with all the digests.</returns>
    byte[] BuildSome()
    {
        const int half = Digests / 2;
        _ = _lists.Write("a.sha256", string.Concat(Enumerable.Range(0, half).Select(content => $"{Hex(content)}  /a{content}\n")));
        _ = _lists.Write("a.yaml", "version: 1\npaths: [/opt/**]\ndigests:\n" + string.Concat(
            Enumerable.Range(half, half).Select(content => $"- {{sha256: {Hex(content)}, path: /opt/*}}\n")));
        RequireAll();
        return File.ReadAllBytes(_lists.Settings.IndexPath);
    }

    void RequireAll()
    {
        ReferenceIndex index = _lists.Open();
        for (int content = 0; content < Digests; content++)
        {
            Assert.NotNull(Find(index, content, "/opt/a", Vouching.Reference));
        }

        Assert.Null(Find(index, Digests, "/opt/a"));
    }

    /// <summary>By a rename, as all who write it do.</summary>
    void Replace(byte[] content)
    {
        File.WriteAllBytes(_lists.Settings.IndexPath + ".other", content);
        File.Move(_lists.Settings.IndexPath + ".other", _lists.Settings.IndexPath, overwrite: true);
    }
}
