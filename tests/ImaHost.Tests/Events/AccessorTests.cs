using System.Text;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class AccessorTests : IDisposable
{
    const SubjectFacts All = SubjectFacts.Ids | SubjectFacts.Capabilities | SubjectFacts.Executable | SubjectFacts.Cgroup;

    readonly TemporaryDirectory _directory = new();
    readonly Subject _subject = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Read_finds_out_what_is_asked_and_no_more()
    {
        Privileges.Require();
        using Child child = Child.Sleep();
        Accessor.Read(child.Pid, All | SubjectFacts.Label, _subject);
        Assert.Equal(All, _subject.Known & All);
        Assert.Equal((0u, 0u, 0u), (_subject.Uid, _subject.Euid, _subject.Suid));
        Assert.Equal((true, true), (_subject.MaySetUid, _subject.MaySetGid));
        Assert.Equal("/sleep", Path.TrimEndingDirectorySeparator(Executable)[^6..]);
        Assert.StartsWith("/", Encoding.UTF8.GetString(_subject.Cgroup.Written), StringComparison.Ordinal);
        foreach (SubjectFacts fact in new[] { SubjectFacts.Ids, SubjectFacts.Capabilities, SubjectFacts.Executable, SubjectFacts.Cgroup })
        {
            Accessor.Read(child.Pid, fact, _subject);
            Assert.Equal(fact, _subject.Known);
            Assert.Equal(fact == SubjectFacts.Executable, _subject.Executable.Length > 0);
            Assert.Equal(fact == SubjectFacts.Cgroup, _subject.Cgroup.Length > 0);
        }

        Accessor.Read(child.Pid, SubjectFacts.None, _subject);
        Assert.Equal(SubjectFacts.None, _subject.Known);
    }

    [Fact]
    public void Read_tells_the_ids_apart()
    {
        Privileges.Require();
        using Child child = Child.Start(
            "/usr/bin/setpriv",
            ["--ruid", "11", "--euid", "12", "--rgid", "21", "--egid", "22", "--clear-groups", "sleep", "30"], "sleep");
        Accessor.Read(child.Pid, SubjectFacts.Ids | SubjectFacts.Capabilities, _subject);
        Assert.Equal((11u, 12u, 12u), (_subject.Uid, _subject.Euid, _subject.Suid));
        Assert.Equal((21u, 22u, 22u), (_subject.Gid, _subject.Egid, _subject.Sgid));
        Assert.Equal((false, false), (_subject.MaySetUid, _subject.MaySetGid));
        Assert.Equal(SubjectFacts.Ids | SubjectFacts.Capabilities, _subject.Known);
        Assert.Equal(11u, Accessor.ReadUid(child.Pid));
        Assert.Equal("sleep", Accessor.ReadName(child.Pid));
    }

    [Theory]
    [InlineData("-setuid", false, true)]
    [InlineData("-setgid", true, false)]
    [InlineData("-setuid,-setgid", false, false)]
    public void Read_sees_each_capability(string bounds, bool setUid, bool setGid)
    {
        Privileges.Require();
        using Child child = Child.Start("/usr/bin/setpriv", ["--bounding-set", bounds, "sleep", "30"], "sleep");
        Accessor.Read(child.Pid, SubjectFacts.Capabilities, _subject);
        Assert.Equal((setUid, setGid), (_subject.MaySetUid, _subject.MaySetGid));
        Assert.Equal(SubjectFacts.Capabilities, _subject.Known);
    }

    [Fact]
    public void Read_counts_no_capability_of_another_user_namespace()
    {
        Privileges.Require();
        using Child child = Child.Start("/usr/bin/unshare", ["-U", "-r", "sleep", "30"], "sleep");
        Assert.Contains("CapEff:\t000001ff", File.ReadAllText($"/proc/{child.Pid}/status"), StringComparison.Ordinal);
        Accessor.Read(child.Pid, All, _subject);
        Assert.Equal((false, false), (_subject.MaySetUid, _subject.MaySetGid));
        Assert.Equal(All, _subject.Known);
        Assert.False(Accessor.IsLabeller(child.Pid));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Read_knows_nothing_of_what_is_not_there(int pid)
    {
        _subject.Known = All;
        _subject.Executable.Append(1);
        Accessor.Read(pid, All, _subject);
        Assert.Equal(SubjectFacts.None, _subject.Known);
        Accessor.Read(pid, SubjectFacts.Ids, _subject);
        Assert.Equal(SubjectFacts.None, _subject.Known);
        Assert.Equal("", Executable);
        Assert.Equal(0u, Accessor.ReadUid(pid));
        Assert.Equal("?", Accessor.ReadName(pid));
        Assert.False(Accessor.IsLabeller(pid));
    }

    [Fact]
    public void Read_knows_nothing_of_a_task_that_ends_meanwhile()
    {
        using Child child = Child.Sleep();
        using ProcessDirectory process = ProcessDirectory.Open(child.Pid);
        child.End();
        Assert.True(process.IsOpen);
        Accessor.Read(in process, All | SubjectFacts.Label, SecurityModule.SELinux, _subject);
        Assert.Equal(SubjectFacts.None, _subject.Known);
    }

    [Fact]
    public void Read_knows_no_program_of_a_zombie()
    {
        using Child child = Child.Start("/bin/sh", ["-c", "sleep 0 & exec sleep 30"], "sleep");
        int zombie = 0;
        child.Until(() => (zombie = ChildOf(child.Pid)) != 0 && StateOf(zombie) == 'Z');
        Accessor.Read(zombie, All, _subject);
        Assert.Equal(All & ~SubjectFacts.Executable, _subject.Known);
        Assert.Equal("", Executable);
    }

    [Fact]
    public void Read_finds_the_program_of_a_process_whose_first_thread_has_ended()
    {
        const string script = """
            import ctypes, threading, time
            threading.Thread(target=time.sleep, args=(30,)).start()
            ctypes.CDLL(None).pthread_exit(None)
            """;
        string python = Python();
        using Child child = Child.Start(python, ["-c", script]);
        child.Until(() => StateOf(child.Pid) == 'Z');
        Accessor.Read(child.Pid, All, _subject);
        Assert.Equal(All, _subject.Known);
        Assert.Equal(python, Executable);
    }

    [Fact]
    public void Read_knows_that_a_thread_of_the_kernel_has_no_program()
    {
        Privileges.Require();
        if (!File.Exists("/proc/2/comm") || File.ReadAllText("/proc/2/comm") != "kthreadd\n")
        {
            Assert.Skip("the threads of the kernel are not visible in this pid namespace");
        }

        Accessor.Read(2, All, _subject);
        Assert.Equal(All, _subject.Known);
        Assert.Equal("", Executable);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("with blank")]
    [InlineData("with\nnewline")]
    [InlineData(") R 1 1 1 1 1 2129984")]
    [InlineData("named (deleted)")]
    public void Read_gives_the_name_of_a_program_that_is_there_or_deleted(string name)
    {
        string program = CopyOfSleep(name);
        using Child child = Child.Start(program, ["30"]);
        Assert.Equal(program, ReadExecutable(child));
        File.Delete(program);
        Assert.Equal(program, ReadExecutable(child));
    }

    [Fact]
    public void Read_gives_the_name_of_a_program_that_has_another_name_left()
    {
        string program = CopyOfSleep("one");
        using Child child = Child.Start(program, ["30"]);
        Child.Run("/bin/ln", program, _directory.At("other"));
        File.Delete(program);
        Assert.Equal(program, ReadExecutable(child));

        // Something else has got the very name.
        File.WriteAllText(program + " (deleted)", "");
        Assert.Equal(program, ReadExecutable(child));
    }

    [Fact]
    public void Read_finds_the_capabilities_behind_a_crowd_of_groups()
    {
        Privileges.Require();
        string groups = string.Join(',', Enumerable.Range(1_000_000_000, 8000));
        using Child child = Child.Start("/usr/bin/setpriv", ["--groups", groups, "sleep", "30"], "sleep");
        Accessor.Read(child.Pid, All, _subject);
        Assert.Equal(All, _subject.Known);
        Assert.True(_subject.MaySetUid);
    }

    [Theory]
    [InlineData("SELinux", "current", "u:r:t:s0\0", "u:r:t:s0")]
    [InlineData("Smack", "current", "floor", "floor")]
    [InlineData("AppArmor", "current", "old (enforce)\n", "old")]
    [InlineData("AppArmor", "apparmor/current", "new (enforce)\n", "new")]
    [InlineData("AppArmor", "prev", "x", null)]
    [InlineData("None", "current", "x", null)]
    public void Read_finds_the_label_where_the_module_shows_it(string module, string file, string text, string? label)
    {
        _ = _directory.Write("attr/" + file, text);
        using ProcessDirectory process = ProcessDirectory.Open(Encoding.UTF8.GetBytes(_directory.Root + '\0'));
        Accessor.Read(in process, SubjectFacts.Label, Enum.Parse<SecurityModule>(module), _subject);
        Assert.Equal(label == null ? SubjectFacts.None : SubjectFacts.Label, _subject.Known);
        Assert.Equal(label ?? "", Encoding.UTF8.GetString(_subject.Label.Written));
    }

    [Fact]
    public void Read_allocates_nothing()
    {
        using Child child = Child.Sleep();

        // Not counting what the runtime allocates once, to compile a method anew.
        Assert.True(SpinWait.SpinUntil(() => Allocated(child.Pid) == 0, 10_000));
    }

    long Allocated(int pid)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Accessor.Read(pid, All | SubjectFacts.Label, _subject);
            Accessor.Read(pid, SubjectFacts.Ids, _subject);
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    [Fact]
    public void IsLabeller_is_only_this_program()
    {
        Assert.Equal(Environment.IsPrivilegedProcess, Accessor.IsLabeller(Environment.ProcessId));
        using Child child = Child.Sleep();
        Assert.False(Accessor.IsLabeller(child.Pid));
    }

    string Executable => Encoding.UTF8.GetString(_subject.Executable.Written);

    string ReadExecutable(Child child)
    {
        Accessor.Read(child.Pid, SubjectFacts.Executable, _subject);
        Assert.Equal(SubjectFacts.Executable, _subject.Known);
        return Executable;
    }

    string CopyOfSleep(string name)
    {
        // Not File.Copy: what another test starts meanwhile would inherit its descriptor, and the copy be busy.
        Child.Run("/bin/cp", "/bin/sleep", _directory.At(name));
        return _directory.At(name);
    }

    static string Python()
    {
        using var which = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("python3", ["-c", "import sys,os; print(os.path.realpath(sys.executable))"])
            {
                RedirectStandardOutput = true,
            })!;
        return which.StandardOutput.ReadToEnd().Trim();
    }

    static int ChildOf(int pid) =>
        int.TryParse(File.ReadAllText($"/proc/{pid}/task/{pid}/children").Split(' ')[0], out int child) ? child : 0;

    static char StateOf(int pid) => File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1][0];
}
