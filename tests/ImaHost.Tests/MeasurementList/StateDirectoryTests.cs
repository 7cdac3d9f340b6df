using ImaHost.MeasurementList;
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
    public void OpenList_names_the_list_after_the_boot() =>
        Assert.Equal(_directory.At("deep", "state", "lists", $"{Boot}.ima"), _state.OpenList(startAnew: false));

    [Fact]
    public void OpenList_gives_the_same_list_until_a_new_one_is_begun()
    {
        string first = Begin(startAnew: false);
        Assert.Equal(first, Begin(startAnew: false));
        string second = Begin(startAnew: true);
        Assert.EndsWith($"{Boot}.1.ima", second, StringComparison.Ordinal);
        Assert.Equal(second, Begin(startAnew: false));
        Assert.EndsWith($"{Boot}.2.ima", Begin(startAnew: true), StringComparison.Ordinal);
    }

    [Fact]
    public void OpenList_does_not_skip_a_name_when_there_is_no_list_yet() =>
        Assert.EndsWith($"{Boot}.ima", _state.OpenList(startAnew: true), StringComparison.Ordinal);

    [Fact]
    public void OpenList_points_current_at_the_list_by_a_relative_link()
    {
        _ = Begin(startAnew: false);
        string second = Begin(startAnew: true);
        File.WriteAllText(second, "second");
        Assert.Equal(Path.Combine("lists", Path.GetFileName(second)), new FileInfo(_state.CurrentPath).LinkTarget);
        Assert.Equal("second", File.ReadAllText(_state.CurrentPath));
        Assert.False(Path.Exists(_state.CurrentPath + ".new"));
    }

    [Fact]
    public void OpenList_replaces_a_link_that_a_crash_left_half_made()
    {
        _ = File.CreateSymbolicLink(_state.CurrentPath + ".new", "nowhere");
        string list = Begin(startAnew: false);
        Assert.Equal(Path.Combine("lists", Path.GetFileName(list)), new FileInfo(_state.CurrentPath).LinkTarget);
    }

    string Begin(bool startAnew)
    {
        string path = _state.OpenList(startAnew);
        File.AppendAllText(path, "x");
        return path;
    }
}
