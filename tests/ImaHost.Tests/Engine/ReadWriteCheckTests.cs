using System.Globalization;
using ImaHost.Engine;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Engine;

/// <summary>One violation for each writer and each reader that comes, as kernels since 6.15 do.</summary>
public sealed class ReadWriteCheckTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly ReadWriteCheck _check = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Writers_that_are_there_are_told_of_once()
    {
        FileStat file = NewFile("a");
        Assert.Equal(ReadWriteCheck.OpenWriters, Read(in file, hasWriter: true, noWriter: false));
        Assert.Null(Read(in file, hasWriter: true, noWriter: false));
        Assert.Null(Read(in file, hasWriter: true, noWriter: false));
    }

    [Fact]
    public void Writers_are_told_of_again_after_there_were_none()
    {
        FileStat file = NewFile("a");
        _ = Read(in file, hasWriter: true, noWriter: false);
        Assert.Null(Read(in file, hasWriter: false, noWriter: true));
        Assert.Equal(ReadWriteCheck.OpenWriters, Read(in file, hasWriter: true, noWriter: false));
    }

    [Fact]
    public void New_writer_after_the_others_went_is_told_of()
    {
        FileStat file = NewFile("a");
        _ = Read(in file, hasWriter: true, noWriter: false);
        Assert.Null(Write(in file));
        Assert.Equal(ReadWriteCheck.OpenWriters, Read(in file, hasWriter: true, noWriter: false));
    }

    [Fact]
    public void Files_are_told_apart()
    {
        FileStat one = NewFile("a");
        FileStat other = NewFile("b");
        Assert.NotNull(Read(in one, hasWriter: true, noWriter: false));
        Assert.NotNull(Read(in other, hasWriter: true, noWriter: false));
    }

    [Fact]
    public void Writer_of_what_nobody_measured_is_none_of_our_business()
    {
        FileStat file = NewFile("a");
        using Reader reader = new(_directory.At("a"));
        Assert.Null(Write(in file));
    }

    [Fact]
    public void Writer_is_told_of_once_for_each_reader_that_was_measured()
    {
        FileStat file = NewFile("a");
        using Reader reader = new(_directory.At("a"));
        _ = Read(in file, hasWriter: false, noWriter: true);
        Assert.Equal(ReadWriteCheck.ToMToU, Write(in file));
        Assert.Null(Write(in file));
        _ = Read(in file, hasWriter: false, noWriter: true);
        Assert.Equal(ReadWriteCheck.ToMToU, Write(in file));
    }

    [Fact]
    public void Writer_after_the_readers_went_is_none()
    {
        FileStat file = NewFile("a");
        _ = Read(in file, hasWriter: false, noWriter: true);
        Assert.Null(Write(in file));
    }

    /// <summary>Two generations are kept: what was seen lately is remembered however many files come.</summary>
    [Fact]
    public void Crowd_of_files_does_not_fill_memory_and_the_last_are_remembered()
    {
        FileStat file = NewFile("a");
        for (uint inode = 1; inode <= 40_000; inode++)
        {
            FileStat other = file with { DeviceMajor = 77, Inode = inode };
            _ = Read(in other, hasWriter: true, noWriter: false);
        }

        FileStat last = file with { DeviceMajor = 77, Inode = 40_000 };
        Assert.Null(Read(in last, hasWriter: true, noWriter: false));
        FileStat first = file with { DeviceMajor = 77, Inode = 1 };
        Assert.NotNull(Read(in first, hasWriter: true, noWriter: false));
    }

    [Fact]
    public void Open_of_unknown_mode_is_a_writer_where_there_is_no_other()
    {
        FileStat file = NewFile("a");
        Assert.Equal(Holders.Reader | Holders.Writer, _check.Wanted(in file, OpenMode.Unknown, measures: true));
        Assert.Null(Decide(in file, OpenMode.Unknown, hasWriter: true, noWriter: false, Holders.None));
        Assert.Equal(
            ReadWriteCheck.OpenWriters, Decide(in file, OpenMode.Unknown, hasWriter: true, noWriter: false, Holders.Writer));
    }

    [Fact]
    public void Nobody_is_looked_for_in_vain()
    {
        FileStat file = NewFile("a");
        Assert.Equal(Holders.None, _check.Wanted(in file, OpenMode.Write, measures: false));
        Assert.Equal(Holders.None, _check.Wanted(in file, OpenMode.Unknown, measures: false));
        _ = Read(in file, hasWriter: false, noWriter: true);
        Assert.Equal(Holders.None, _check.Wanted(in file, OpenMode.Read, measures: true));
        Assert.Equal(Holders.Reader, _check.Wanted(in file, OpenMode.ReadWrite, measures: false));
        _check.Forget(in file);
        Assert.Equal(Holders.None, _check.Wanted(in file, OpenMode.Write, measures: false));
    }

    string? Read(in FileStat file, bool hasWriter, bool noWriter) =>
        Decide(in file, OpenMode.Read, hasWriter, noWriter, Holders.None);

    /// <summary>An open to write, after it was looked who holds the file as the engine does.</summary>
    string? Write(in FileStat file)
    {
        var query = new HolderQuery(file, _check.Wanted(in file, OpenMode.Write, measures: true));
        OpenHolders.Find([query], exceptPid: 0, Environment.TickCount64 + 10_000);
        return Decide(in file, OpenMode.Write, hasWriter: true, noWriter: false, query.Found);
    }

    string? Decide(in FileStat file, OpenMode mode, bool hasWriter, bool noWriter, Holders found) =>
        _check.Decide(in file, mode, measures: true, hasWriter, noWriter, found);

    FileStat NewFile(string name)
    {
        File.WriteAllText(_directory.At(name), name);
        Assert.True(FileStat.TryOfPath(_directory.At(name), out FileStat stat));
        return stat;
    }

    /// <summary>A process that has a file open to read, ended with the test.</summary>
    sealed class Reader : IDisposable
    {
        readonly System.Diagnostics.Process _process;

        public Reader(string path)
        {
            _process = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", $"exec sleep 30 < {path}"]))!;
            string descriptor = string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/fd/0");
            long end = Environment.TickCount64 + 10_000;
            while (File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.FullName != path)
            {
                Assert.True(Environment.TickCount64 < end, "the reader does not open the file");
                Thread.Sleep(5);
            }
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
