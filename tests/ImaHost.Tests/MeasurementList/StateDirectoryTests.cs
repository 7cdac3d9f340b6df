using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class StateDirectoryTests : IDisposable
{
    static readonly string Boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
    readonly TemporaryDirectory _directory = new();
    readonly StateDirectory _state;

    public StateDirectoryTests() => _state = new StateDirectory(_directory.At("deep", "state"));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void State_keeps_lists_to_their_owner() => Assert.Equal(
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
        File.GetUnixFileMode(_directory.At("deep", "state", "lists")));

    [Fact]
    public void Lists_are_named_after_the_boot_and_counted()
    {
        Assert.Empty(_state.ListsOfThisBoot());
        string first = Begin();
        Assert.Equal(_directory.At("deep", "state", "lists", Boot), first);
        string second = Begin();
        Assert.EndsWith($"{Boot}.1", second, StringComparison.Ordinal);
        Assert.Equal([first, second], _state.ListsOfThisBoot());
        Assert.EndsWith($"{Boot}.2", _state.NextList(), StringComparison.Ordinal);
    }

    [Fact]
    public void Lists_of_other_boots_are_not_ours()
    {
        StateDirectory.MakeList(_directory.At("deep", "state", "lists", $"{Guid.NewGuid()}"));
        Assert.Empty(_state.ListsOfThisBoot());
    }

    [Fact]
    public void Current_is_a_relative_link_that_moves()
    {
        _state.MakeCurrent(Begin());
        string second = Begin();
        _state.MakeCurrent(second);
        Assert.Equal(Path.Combine("lists", Path.GetFileName(second)), new FileInfo(_state.CurrentPath).LinkTarget);
        Assert.Equal(second, _state.Current);
        Assert.False(Path.Exists(_state.CurrentPath + ".new"));
    }

    [Fact]
    public void Current_replaces_a_link_that_a_crash_left_half_made()
    {
        _ = File.CreateSymbolicLink(_state.CurrentPath + ".new", "nowhere");
        string list = Begin();
        _state.MakeCurrent(list);
        Assert.Equal(list, _state.Current);
    }

    [Fact]
    public void Without_a_current_list_there_is_an_error_that_names_the_link()
    {
        IOException missing = Assert.ThrowsAny<IOException>(() => _state.Current);
        Assert.Contains(_state.CurrentPath, missing.Message, StringComparison.Ordinal);
    }

    /// <summary>A host of version 0.1.0 wrote it, in this boot: its list goes on as the first segment of one.</summary>
    [Fact]
    public void List_of_one_file_becomes_the_first_segment_of_one()
    {
        string old = _directory.At("deep", "state", "lists", $"{Boot}.ima");
        File.WriteAllText(old, "x");
        _state.MakeCurrent(old);
        var state = new StateDirectory(_state.Path);
        string list = _directory.At("deep", "state", "lists", Boot);
        Assert.Equal(list, state.Current);
        Assert.Equal([list], state.ListsOfThisBoot());
        Assert.Equal("x", File.ReadAllText(SegmentFiles.Data(list, 0)));
        Assert.False(File.Exists(old));
    }

    string Begin()
    {
        string path = _state.NextList();
        StateDirectory.MakeList(path);
        return path;
    }
}
