using System.Diagnostics;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class OpenHoldersTests : IDisposable
{
    const Holders Both = Holders.Reader | Holders.Writer;
    const int Nobody = -1;
    const int PatienceMilliseconds = 10_000;

    readonly TemporaryDirectory _directory = new();
    readonly string _path;
    readonly FileStat _file;

    public OpenHoldersTests()
    {
        _path = _directory.Write("measured", "text");
        _file = StatOf(_path);
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("3<", "Reader")]
    [InlineData("3>>", "Writer")]
    [InlineData("3<>", "Writer")]
    public void Find_sees_what_another_process_holds_until_it_ends(string redirection, string holder)
    {
        var expected = Enum.Parse<Holders>(holder);
        using (Process child = StartHolder(redirection + _path))
        {
            try
            {
                Assert.Equal(expected, Find(Both));
                Assert.Equal(expected, Find(expected));
                Assert.Equal(Holders.None, Find(Both & ~expected));
            }
            finally
            {
                End(child);
            }
        }

        Assert.Equal(Holders.None, Find(Both));
    }

    [Fact]
    public void Find_sees_a_reader_beside_a_writer()
    {
        using Process child = StartHolder($"3<{_path} 4>>{_path}");
        try
        {
            Assert.Equal(Both, Find(Both));
            Assert.Equal(Holders.Writer, Find(Holders.Writer));
        }
        finally
        {
            End(child);
        }
    }

    [Fact]
    public void Find_sees_a_mapping_without_a_descriptor()
    {
        string program = _directory.At("sleep");
        // Not File.Copy: what another test starts meanwhile would inherit its descriptor, and the copy be busy.
        using (Process copy = Process.Start("/bin/cp", ["/bin/sleep", program]))
        {
            copy.WaitForExit();
        }

        FileStat file = StatOf(program);
        using Process child = Process.Start(program, "30");
        try
        {
            // What it was started from is closed before the program is mapped, so that comes a little later.
            _ = SpinWait.SpinUntil(() => Find(in file, Both) != Holders.None, PatienceMilliseconds);
            Assert.Equal(Holders.Reader, Find(in file, Both));
        }
        finally
        {
            End(child);
        }

        Assert.Equal(Holders.None, Find(in file, Both));
    }

    [Fact]
    public void Find_passes_over_its_own_process_and_the_guard()
    {
        using FileStream own = File.Open(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        using Process child = StartHolder("3<" + _path);
        try
        {
            // What another test starts has a copy of our descriptor, until it becomes another program.
            int guard = child.Id;
            Assert.True(SpinWait.SpinUntil(
                () => Ask(in _file, Both, guard, Later()) == Holders.None, PatienceMilliseconds));
        }
        finally
        {
            End(child);
        }
    }

    [Fact]
    public void Find_tells_files_apart_that_share_a_device_or_a_number()
    {
        FileStat neighbour = StatOf(_directory.Write("neighbour", "text"));
        FileStat elsewhere = _file with { DeviceMinor = _file.DeviceMinor + 1 };
        using Process child = StartHolder("3<" + _path);
        try
        {
            Assert.Equal(Holders.None, Find(in neighbour, Both));
            Assert.Equal(Holders.None, Find(in elsewhere, Both));
        }
        finally
        {
            End(child);
        }
    }

    [Theory]
    [InlineData("None")]
    [InlineData("Reader")]
    [InlineData("Writer")]
    [InlineData("Reader, Writer")]
    public void Find_says_yes_to_all_that_is_wanted_when_no_time_is_left(string wanted)
    {
        var holders = Enum.Parse<Holders>(wanted);
        Assert.Equal(holders, Ask(in _file, holders, Nobody, Environment.TickCount64 - 1));
    }

    Holders Find(Holders wanted) => Find(in _file, wanted);

    static Holders Find(in FileStat file, Holders wanted) => Ask(in file, wanted, Nobody, Later());

    static long Later() => Environment.TickCount64 + PatienceMilliseconds;

    static FileStat StatOf(string path)
    {
        Assert.True(FileStat.TryOfPath(path, out FileStat file));
        return file;
    }

    /// <summary>A process that holds what the shell's redirections open; it does so when this returns.</summary>
    static Process StartHolder(string redirections)
    {
        string script = $"exec {redirections}; echo; exec sleep 30";
        var info = new ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardOutput = true };
        Process child = Process.Start(info)!;
        _ = child.StandardOutput.ReadLine();
        return child;
    }

    static void End(Process child)
    {
        child.Kill();
        child.WaitForExit();
    }

    static Holders Ask(in FileStat file, Holders wanted, int exceptPid, long deadline)
    {
        var query = new HolderQuery(file, wanted);
        OpenHolders.Find([query], exceptPid, deadline);
        return query.Found;
    }
}
