using ImaHost.Packages;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Packages;

public sealed class DpkgCommandLineTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("dpkg -i a.deb b.deb", "a.deb b.deb")]
    [InlineData("dpkg --install a.deb", "a.deb")]
    [InlineData("dpkg --unpack -- -odd.deb", "-odd.deb")]
    [InlineData("dpkg -iE a.deb", "a.deb")]
    [InlineData("dpkg -Ei a.deb", "a.deb")]
    [InlineData("dpkg -D 1 -i a.deb", "a.deb")]
    [InlineData("dpkg -D1 -i a.deb", "a.deb")]
    [InlineData("dpkg --status-fd 21 --no-triggers --unpack --auto-deconfigure a.deb", "a.deb")]
    [InlineData("dpkg --force-depends --log=/dev/null --unpack a.deb", "a.deb")]
    [InlineData("dpkg --path-exclude /usr/share -i a.deb", "a.deb")]
    public void Archives_are_what_is_no_option(string line, string archives)
    {
        DpkgCommandLine command = DpkgCommandLine.Parse(line.Split(' '));
        Assert.True(command.Unpacks);
        Assert.Equal(archives.Split(' '), command.Arguments);
        Assert.Equal(archives.Split(' ').Select(name => $"/work/{name}"), command.FindArchives("/work"));
    }

    [Theory]
    [InlineData("dpkg --configure -a")]
    [InlineData("dpkg --remove a")]
    [InlineData("dpkg --no-act -i a.deb")]
    [InlineData("dpkg --unpack --simulate a.deb")]
    [InlineData("dpkg --triggers-only a")]
    public void What_unpacks_nothing_has_no_archives(string line) =>
        Assert.Empty(DpkgCommandLine.Parse(line.Split(' ')).FindArchives("/"));

    [Theory]
    [InlineData("dpkg --root=/srv/x -i a.deb", "/srv/x")]
    [InlineData("dpkg --root /srv/x -i a.deb", "/srv/x")]
    [InlineData("dpkg --instdir=/srv/y --admindir=/srv/z -i a.deb", "/srv/y")]
    [InlineData("dpkg -i a.deb", null)]
    public void Root_is_what_it_was_told(string line, string? root)
    {
        DpkgCommandLine command = DpkgCommandLine.Parse(line.Split(' '));
        Assert.Equal(root, command.Root);
        Assert.Equal(["a.deb"], command.Arguments);
    }

    [Fact]
    public void Recursive_takes_the_archives_of_directories_also_by_links()
    {
        string real = _directory.Write("cache/real_1_all.deb", "x");
        _ = _directory.Write("apt/sub/b.deb", "x");
        _ = _directory.Write("apt/notes.txt", "x");
        _ = File.CreateSymbolicLink(_directory.At("apt", "0-a.deb"), real);
        DpkgCommandLine command = DpkgCommandLine.Parse(["dpkg", "--unpack", "--recursive", "apt"]);

        Assert.Equal(
            [_directory.At("apt", "0-a.deb"), _directory.At("apt", "sub", "b.deb")], command.FindArchives(_directory.Root));
    }

    [Fact]
    public void Run_is_read_from_the_process()
    {
        using Child child = Child.Start("/bin/sh", ["-c", "read line", "dpkg", "--root=/srv/x/", "-i", "a.deb"]);
        ProcessIdentity process = ProcessIdentity.Of(child.Pid)!.Value;
        Assert.True(process.IsAlive);
        DpkgRun run = DpkgRun.Of(process, told: null);

        Assert.True(run.Command.Unpacks);
        Assert.Equal("a.deb", run.Command.Arguments[^1]);
        Assert.Equal($"/proc/{child.Pid}/cwd/a.deb", run.FindArchives()[^1]);
        Assert.Equal("/srv/x", run.Root);
        Assert.Equal("/srv/told", DpkgRun.Of(process, told: "/srv/told/").Root);

        child.End();
        Assert.False(process.IsAlive);
        Assert.Null(ProcessIdentity.Of(child.Pid));
    }

    [Fact]
    public void Ancestor_is_found_by_its_name()
    {
        Privileges.Require();
        string own = File.ReadAllText("/proc/self/comm").TrimEnd('\n');
        Assert.Equal(Environment.ProcessId, ProcessIdentity.FindAncestor(own)!.Value.Pid);
        Assert.Null(ProcessIdentity.FindAncestor("no such program"));
    }

    [Fact]
    public void Process_that_is_not_roots_ends_the_search_though_root_started_it()
    {
        Privileges.Require();
        string own = File.ReadAllText("/proc/self/comm").TrimEnd('\n');
        using Child roots = Child.Sleep();
        using Child foreign = Child.Start("/usr/bin/setpriv", ["--ruid", "65534", "/bin/sleep", "30"], "sleep");

        Assert.Equal(Environment.ProcessId, ProcessIdentity.FindAncestor(own, roots.Pid)!.Value.Pid);
        Assert.Equal(roots.Pid, ProcessIdentity.FindAncestor("sleep", roots.Pid)!.Value.Pid);
        Assert.Null(ProcessIdentity.FindAncestor(own, foreign.Pid));
        Assert.Null(ProcessIdentity.FindAncestor("sleep", foreign.Pid));
    }

    [Fact]
    public void Program_that_others_can_write_is_not_dpkg_by_its_name()
    {
        Privileges.Require();
        string program = _directory.At("dpkg");
        File.Copy("/bin/sleep", program);
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        File.SetUnixFileMode(program, mode);
        using Child child = Child.Start(program, ["30"]);
        Assert.Equal(child.Pid, ProcessIdentity.FindAncestor("dpkg", child.Pid)!.Value.Pid);

        File.SetUnixFileMode(program, mode | UnixFileMode.OtherWrite);
        Assert.Null(ProcessIdentity.FindAncestor("dpkg", child.Pid));
    }
}
