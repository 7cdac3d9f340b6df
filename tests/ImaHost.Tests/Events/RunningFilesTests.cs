using System.Text;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class RunningFilesTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Program_and_libraries_of_a_process_are_found_and_can_be_opened_without_their_names()
    {
        string program = CopySleep();
        Assert.True(FileStat.TryOfPath(program, out FileStat stat));
        using Child child = Child.Start(program, ["30"]);
        AwaitLibraries(child);
        File.Delete(program);

        var files = new RunningFiles(static (_, _) => true);
        files.Read(child.Pid);
        files.Read(child.Pid);

        (RunningFile found, List<RunningPlace> places) = Assert.Single(
            files.Files, file => file.Key.Access == GuardAccess.Exec);
        Assert.Equal((stat.Inode, 2, 2), (found.Inode, places.Count, files.Processes));
        Assert.True(files.Count > 2, "libc and ld.so are mapped too");
        Assert.All(files.Files, file => Assert.Equal(file.Key.Inode, InodeOf(file.Value[0].Link)));
        Assert.Single(files.Files, file => file.Value.TrueForAll(place => place.End == 0));
    }

    [Fact]
    public void Filter_gets_what_the_kernel_shows_and_its_answer_counts()
    {
        string program = CopySleep();
        using Child child = Child.Start(program, ["30"]);
        AwaitLibraries(child);
        var paths = new List<string>();
        var files = new RunningFiles((device, path) =>
        {
            paths.Add(Encoding.UTF8.GetString(path));
            return device == new DeviceNumber(uint.MaxValue, 0);
        });
        files.Read(child.Pid);
        Assert.Contains(program, paths);
        Assert.Contains(paths, path => path.Contains("libc.so", StringComparison.Ordinal));
        Assert.Empty(files.Files);
        Assert.Equal(0, files.Processes);
    }

    [Fact]
    public void Process_whose_first_thread_has_ended_is_seen_by_another()
    {
        using Child child = Child.Start(
            "/usr/bin/python3",
            ["-c", "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(30,)).start(); ctypes.CDLL(None).pthread_exit(None)"]);
        child.Until(() => File.ReadAllText($"/proc/{child.Pid}/maps").Length == 0);
        var files = new RunningFiles(static (_, _) => true);
        files.Read(child.Pid);
        Assert.Equal(1, files.Processes);
        Assert.All(files.Files, file => Assert.Equal(file.Key.Inode, InodeOf(file.Value[0].Link)));
    }

    [Fact]
    public void What_has_no_memory_is_no_fault()
    {
        using Child child = Child.Sleep();
        int pid = child.Pid;
        child.End();
        var files = new RunningFiles(static (_, _) => true);
        files.Read(pid);
        files.Read(2); // kthreadd, or nobody
        Assert.Empty(files.Files);
    }

    [Fact]
    public void All_processes_are_looked_at_but_those_left_out()
    {
        string program = CopySleep();
        Assert.True(FileStat.TryOfPath(program, out FileStat stat));
        using Child one = Child.Start(program, ["30"]), other = Child.Start(program, ["30"]);
        var files = new RunningFiles((_, path) => path.SequenceEqual(Encoding.UTF8.GetBytes(program)));
        files.ReadAll(other.Pid);
        (RunningFile found, List<RunningPlace> places) = Assert.Single(files.Files);
        Assert.Equal((stat.Inode, GuardAccess.Exec), (found.Inode, found.Access));
        Assert.Equal(one.Pid, Assert.Single(places).Pid);
        Assert.Equal((1, 1), (files.Count, files.Processes));
    }

    static void AwaitLibraries(Child child) =>
        child.Until(() => File.ReadAllText($"/proc/{child.Pid}/maps").Contains("libc.so", StringComparison.Ordinal));

    static ulong InodeOf(string link)
    {
        using HeldFile file = HeldFile.Open(link);
        Assert.True(file.TryStat(out FileStat stat, out _));
        return stat.Inode;
    }

    string CopySleep()
    {
        string program = _directory.At("sleeper");
        File.Copy("/bin/sleep", program);
        return program;
    }
}
