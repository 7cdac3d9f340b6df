using System.Globalization;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Appraisal;

/// <summary>The index, held against the plainest way to look up: all digests of all lists, one after the other.</summary>
public sealed class ReferencePropertiesTests : IDisposable
{
    const int Contents = 40;

    static readonly string[] Paths = ["/a", "/a/b", "/a/b/c.so", "/b", "/b/c"];
    static readonly string[] Globs = ["/a", "/a/b", "/b", "/a/**", "/*", "**/c.so", "/b/?"];

    readonly ReferenceFixture _lists = new();

    public void Dispose() => _lists.Dispose();

    [Fact]
    public void Index_finds_what_going_through_all_lists_finds()
    {
        for (int seed = 0; seed < 25; seed++)
        {
            var random = new Random(seed);
            var model = new Dictionary<string, List<Listed>>(StringComparer.Ordinal);
            for (int change = 0; change < 6; change++)
            {
                Change(random, model);
                ReferenceIndex index = _lists.Open();
                Compare(index, model, $"seed {seed}, change {change}");
                CompareWithNew(index, $"seed {seed}, change {change}");
            }

            foreach (string file in model.Keys)
            {
                File.Delete(file);
            }
        }
    }

    /// <summary>Writes some lists, and deletes some.</summary>
    void Change(Random random, Dictionary<string, List<Listed>> model)
    {
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            string name = $"{(char)('a' + random.Next(6))}";
            (string path, List<Listed> listed) = random.Next(3) switch
            {
                0 => Sums(random, name),
                1 => Yaml(random, name),
                _ => Package(random, name),
            };
            model[path] = listed;
        }

        if (model.Count > 3)
        {
            string gone = model.Keys.Order(StringComparer.Ordinal).ElementAt(random.Next(model.Count));
            File.Delete(gone);
            _ = model.Remove(gone);
        }

        Expire(random, model);
    }

    (string Path, List<Listed> Listed) Sums(Random random, string name)
    {
        int[] contents = Some(random);
        string path = _lists.Write($"{name}.sha256", string.Concat(contents.Select((content, i) => $"{Hex(content)}  /x{i}\n")));
        return (path, [.. contents.Select((content, i) => new Listed(Vouching.Reference, content, i + 1, [], null))]);
    }

    (string Path, List<Listed> Listed) Package(Random random, string name)
    {
        int[] contents = [.. Some(random).Distinct()];
        return (_lists.WritePackage(name, contents), [.. contents.Select((content, i) => new Listed(Vouching.Package, content, i + 7, [], null))]);
    }

    (string Path, List<Listed> Listed) Yaml(Random random, string name)
    {
        string? all = random.Next(2) == 0 ? Globs[random.Next(Globs.Length)] : null;
        int year = random.Next(2020, 2040);
        long? end = random.Next(2) == 0 ? new DateTimeOffset(year, 12, 31, 23, 59, 59, TimeSpan.Zero).ToUnixTimeSeconds() : null;
        var text = new StringBuilder("version: 1\n");
        _ = text.Append(all == null ? "\n" : $"paths: ['{all}']\n");
        _ = text.Append(end == null ? "\n" : $"expires: {year}-12-31\n");
        _ = text.Append("digests:\n");
        var listed = new List<Listed>();
        var exact = new HashSet<string>(StringComparer.Ordinal);
        foreach (int content in Some(random))
        {
            string? glob = random.Next(2) == 0 ? Globs[random.Next(Globs.Length)] : null;
            if (glob == null || glob.AsSpan().ContainsAny("*?") || exact.Add(glob))
            {
                _ = text.Append(CultureInfo.InvariantCulture, $"- {{sha256: {Hex(content)}{(glob == null ? "" : $", path: '{glob}'")}}}\n");
                listed.Add(new Listed(Vouching.Reference, content, listed.Count + 5, [.. new[] { all, glob }.OfType<string>()], end));
            }
        }

        // A list whose time is over is told of, which the lists of this test are not to be.
        return end < DateTimeOffset.UtcNow.ToUnixTimeSeconds() || listed.Count == 0
            ? Sums(random, name)
            : (_lists.Write($"{name}.yaml", text.ToString()), listed);
    }

    /// <summary>Gives some packages an end, which lies in the future of the clock and may lie in the past of the question.</summary>
    void Expire(Random random, Dictionary<string, List<Listed>> model)
    {
        var lines = new StringBuilder();
        foreach ((string path, List<Listed> listed) in model.Where(one => one.Value.Count > 0 && one.Value[0].Kind == Vouching.Package))
        {
            long? end = random.Next(2) == 0 ? Now + random.Next(-5, 5) : null;
            _ = end == null ? lines : lines.Append(CultureInfo.InvariantCulture, $"{end} {Path.GetFileName(path)}\n");
            for (int i = 0; i < listed.Count; i++)
            {
                listed[i] = listed[i] with { End = end };
            }
        }

        File.WriteAllText(_lists.Settings.ExpiringPath, lines.ToString());
    }

    static void Compare(ReferenceIndex index, Dictionary<string, List<Listed>> model, string what)
    {
        Assert.Equal(model.Values.Sum(listed => listed.Count), index.Count);
        foreach (Vouching kinds in (Vouching[])[Vouching.Reference, Vouching.Package, Vouching.Reference | Vouching.Package])
        {
            foreach (string path in Paths)
            {
                for (int content = 0; content < Contents; content++)
                {
                    string[] expected =
                    [
                        .. from list in model
                           from one in list.Value
                           where one.Content == content && one.Vouches(path, kinds)
                           select $"{Path.GetFileName(list.Key)}:{one.Line}",
                    ];
                    string? found = Find(index, content, path, kinds);
                    Assert.True(
                        found == null ? expected.Length == 0 : expected.Contains(found),
                        $"{what}: {content} at {path} by {kinds} is found in {found}, and is in [{string.Join(", ", expected)}]");
                }
            }
        }
    }

    /// <summary>An index that grew is the one that is built at once.</summary>
    void CompareWithNew(ReferenceIndex index, string what)
    {
        File.Move(_lists.Settings.IndexPath, _lists.Settings.IndexPath + ".grown");
        ReferenceIndex built = _lists.Open();
        File.Move(_lists.Settings.IndexPath + ".grown", _lists.Settings.IndexPath, overwrite: true);
        Assert.Equal(index.Count, built.Count);
        Assert.Equal(index.Sources.Select(source => (source.File, source.Count)), built.Sources.Select(source => (source.File, source.Count)));
        for (int content = 0; content < Contents; content++)
        {
            Assert.True(
                index.FindAll(DigestOf(content), false).Select(row => (row.Hit, row.Binding))
                    .SequenceEqual(built.FindAll(DigestOf(content), false).Select(row => (row.Hit, row.Binding))),
                $"{what}: another order of {content}");
        }
    }

    static int[] Some(Random random) => [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(Contents - 2))];

    sealed record Listed(Vouching Kind, int Content, int Line, string[] Globs, long? End)
    {
        public bool Vouches(string path, Vouching kinds) =>
            kinds.HasFlag(Kind) && !(Now > End) && Globs.All(glob => PathGlob.Parse(glob).Matches(Encoding.UTF8.GetBytes(path)));
    }
}
