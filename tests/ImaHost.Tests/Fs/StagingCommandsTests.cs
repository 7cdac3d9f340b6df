using ImaHost.Fs;
using ImaHost.MeasurementList;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Fs;

/// <summary>Who may open the list's files, and what writing them does, as the kernel has it.</summary>
public sealed class StagingCommandsTests : IDisposable
{
    const int Busy = -16;
    const int Invalid = -22;
    const int Exists = -17;
    const int NoEntry = -2;

    readonly ListFixture _list = new();
    readonly ListWindow _window;
    readonly StagingCommands _commands;

    public StagingCommandsTests()
    {
        for (int number = 0; number < 9; number++)
        {
            _ = _list.Add(Entry.Number(number));
        }

        _window = new ListWindow(_list.List.Log);
        _commands = new StagingCommands(_window, pid => pid != 13);
    }

    public void Dispose() => _list.Dispose();

    /// <summary>Files are opened with direct_io: readers ask for more than the size says.</summary>
    [Fact]
    public void Staged_list_ends_where_it_was_staged_whatever_follows_it()
    {
        byte[] all = new byte[_list.List.Log.Extent.BinaryBytes];
        _ = _list.List.Log.ReadBinary(all, 0);
        Assert.True(_window.TryStage());
        for (int number = 20; number < 25; number++)
        {
            _ = _list.Add(Entry.Number(number));
        }

        var staged = new BinaryListFile("binary_runtime_measurements_staged", _list.List.Log, () => _window.Staged, _commands);
        byte[] buffer = new byte[1 << 16];
        Assert.Equal(all.Length, staged.Size);
        Assert.Equal(all, buffer[..staged.Read(buffer, 0)]);
        Assert.Equal(all[5..], buffer[..staged.Read(buffer, 5)]);
        Assert.Equal(0, staged.Read(buffer, all.Length));
        Assert.Equal(0, staged.Read(buffer, all.Length + 1));
    }

    [Fact]
    public void Many_may_read_or_one_may_write()
    {
        Assert.Equal(0, _commands.OpenToRead(1));
        Assert.Equal(0, _commands.OpenToRead(2));
        Assert.Equal(Busy, _commands.OpenToWrite(3, 100));
        _commands.Release(1);
        Assert.True(_commands.IsRead);
        Assert.Equal(Busy, _commands.OpenToWrite(4, 100));
        _commands.Release(2);
        Assert.False(_commands.IsRead);
        Assert.Equal(0, _commands.OpenToWrite(5, 100));
        Assert.Equal(0, _commands.OpenToWrite(6, 100));
        Assert.Equal(Busy, _commands.OpenToWrite(7, 101));
        Assert.Equal(Busy, _commands.OpenToRead(8));
        _commands.Release(5);
        Assert.Equal(Busy, _commands.OpenToRead(9));
        _commands.Release(6);
        Assert.Equal(0, _commands.OpenToRead(10));
    }

    [Fact]
    public void Who_may_not_administrate_may_not_write() => Assert.Equal(-1, _commands.OpenToWrite(1, 13));

    [Theory]
    [InlineData("A\n", false)]
    [InlineData("D\n", false)]
    [InlineData("3\n", true)]
    [InlineData("A", true)]
    [InlineData("\n", true)]
    [InlineData("", true)]
    [InlineData("AA\n", true)]
    [InlineData("a\n", true)]
    [InlineData("0\n", false)]
    [InlineData("-1\n", false)]
    [InlineData("1 \n", false)]
    [InlineData("1x\n", false)]
    [InlineData("99999999999999999999\n", false)]
    [InlineData("000000000000000000001\n", false)]
    public void What_is_no_command_changes_nothing(string text, bool isStaged)
    {
        Assert.Equal(Invalid, _commands.Write(System.Text.Encoding.ASCII.GetBytes(text), isStaged));
        Assert.Equal(0, _window.Current.From.Entries);
        Assert.Equal(0, _window.Staged.To.Entries);
    }

    [Fact]
    public void Staging_is_done_once_at_a_time()
    {
        Assert.Equal(NoEntry, _commands.Write("D\n"u8, isStaged: true));
        Assert.Equal(2, _commands.Write("A\n"u8, isStaged: true));
        Assert.Equal(Exists, _commands.Write("A\n"u8, isStaged: true));
        Assert.Equal(Exists, _commands.Write("1\n"u8, isStaged: false));
        Assert.Equal(2, _commands.Write("D\n"u8, isStaged: true));
        Assert.Equal(10, _window.Current.From.Entries);
        Assert.Equal(NoEntry, _commands.Write("A\n"u8, isStaged: true));
        Assert.Equal(NoEntry, _commands.Write("1\n"u8, isStaged: false));
    }
}
