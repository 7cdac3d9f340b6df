using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Filesystems come and go while the host runs. Only places and types of this bench are ever named.</summary>
public sealed class MountTests
{
    [Theory]
    [InlineData("tmpfs")]
    [InlineData("ramfs")]
    public void Filesystem_mounted_later_at_a_named_place_is_measured_and_forgotten_when_it_goes(string type)
    {
        using var bench = new MountBench();
        using Daemon daemon = bench.Watch("--tpm none");
        using var place = new MountPlace(bench.Root, type);
        place.Mount();
        MountBench.AwaitWatched(daemon, place.Path);
        string program = place.AddProgram("first");
        Assert.Equal(0, Shell.Script(program).Status);
        Assert.Single(daemon.Entries(program));

        Shell.Signal("USR1", daemon.GuardPid);
        Shell.Until(() => Shell.Run("umount", place.Path).Status == 0, "it can be unmounted");
        Shell.Until(() => !MountBench.IsWatched(daemon, place.Path), "it is forgotten");
        Shell.Until(() => daemon.Log.Contains($"{place.Path} ({type}) is not mounted any more", StringComparison.Ordinal), "it is said");

        place.Mount();
        MountBench.AwaitWatched(daemon, place.Path);
        string again = place.AddProgram("again");
        Assert.Equal(0, Shell.Script(again).Status);
        Assert.Single(daemon.Entries(again));
    }

    [Fact]
    public void Filesystem_that_takes_the_place_and_the_numbers_of_another_is_watched()
    {
        using var bench = new MountBench();
        using Daemon daemon = bench.Watch("--tpm none");
        using var place = new MountPlace(bench.Root, "ramfs");
        place.Mount();
        MountBench.AwaitWatched(daemon, place.Path);
        for (int round = 0; round < 5; round++)
        {
            int host = daemon.HostPid;
            Shell.Signal("STOP", host); // so that it sees both at once
            string before = LineOf(place.Path);
            Shell.Must("sh", "-c", $"umount {place.Path} && mount -t ramfs imahost-place {place.Path}");
            Assert.Equal(before, LineOf(place.Path));
            Shell.Signal("CONT", host);
            string program = place.AddProgram($"program{round}");
            Shell.Until(
                () => Shell.Script(program).Status == 0 && daemon.Entries(program).Length == 1, "it is watched again", 3);
            Shell.Signal("USR1", daemon.GuardPid);
            Shell.Until(() => daemon.Status().GetProperty("accesses").GetProperty("cached").GetInt32() == 0, "let go");
            Thread.Sleep(300);
        }
    }

    [Fact]
    public void Named_type_is_watched_wherever_it_is_mounted_before_and_after_the_start()
    {
        Assert.DoesNotContain(" - ramfs ", File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        string root = Bench.NewDirectory("type");
        using var before = new MountPlace(root, "ramfs");
        using var after = new MountPlace(root, "ramfs");
        using var other = new MountPlace(root, "tmpfs");
        before.Mount();
        other.Mount();
        using Daemon daemon = Daemon.Ready("type:ramfs", "--tpm none");
        Assert.True(MountBench.IsWatched(daemon, before.Path), "it is watched when the host is ready");
        after.Mount();
        MountBench.AwaitWatched(daemon, after.Path);
        foreach (MountPlace place in (MountPlace[])[before, after, other])
        {
            string program = place.AddProgram("program");
            Assert.Equal(0, Shell.Script(program).Status);
            Assert.Equal(place == other ? 0 : 1, daemon.Entries(program).Length);
        }
    }

    [Fact]
    public void Mount_in_a_namespace_made_later_is_measured()
    {
        using var bench = new MountBench();
        using Daemon daemon = bench.Watch("--tpm none");
        using var place = new MountPlace(bench.Root, "tmpfs");
        using Running inside = place.MountInNamespace("unshare --mount --propagation private");
        MountBench.AwaitWatched(daemon, place.Path);
        Assert.Contains(
            daemon.Status().GetProperty("watch").EnumerateArray(),
            one => one.GetString()!.StartsWith($"{place.Path} (tmpfs, in the mount namespace of pid ", StringComparison.Ordinal));

        place.LetGo();

        Assert.Equal("ran\n", inside.Wait().Output);
        Assert.Single(daemon.Entries(place["program"]));
        Shell.Until(() => !MountBench.IsWatched(daemon, place.Path), "it is forgotten with its namespace");
    }

    [Fact]
    public void Namespace_of_a_user_is_left_alone_and_that_is_said()
    {
        using var bench = new MountBench();
        using Daemon daemon = bench.Watch("--tpm none");
        using var place = new MountPlace(bench.Root, "tmpfs");
        using Running inside = place.MountInNamespace("unshare --user --map-root-user --mount --propagation private");
        Shell.Until(
            () => Holes(daemon).Any(hole => hole.Contains("that belong to user namespaces", StringComparison.Ordinal)), "it is said");
        place.LetGo();

        Assert.Equal("ran\n", inside.Wait().Output);
        Assert.Empty(daemon.Entries(place["program"]));
    }

    [Fact]
    public void Place_in_another_namespace_does_not_name_a_filesystem_of_ours()
    {
        using var bench = new MountBench();
        using var ours = new Volume();
        string program = ours.AddProgram("program");
        using Daemon daemon = bench.Watch("--tpm none");
        using var place = new MountPlace(bench.Root, "tmpfs");
        using Running inside = Shell.StartScript(
            $"unshare --mount --propagation private sh -c 'mount --bind {ours.Path} {place.Path}; sleep 3; {place.Path}/program ran'");

        Assert.Equal("ran\n", inside.Wait().Output);
        Assert.Empty(daemon.Entries(program));
        Assert.False(MountBench.IsWatched(daemon, place.Path));
    }

    [Fact]
    public void Replaced_host_still_watches_and_goes_on()
    {
        using var bench = new MountBench();
        using Daemon daemon = bench.Watch("--tpm none");
        using var before = new MountPlace(bench.Root, "tmpfs");
        using var after = new MountPlace(bench.Root, "tmpfs");
        before.Mount();
        MountBench.AwaitWatched(daemon, before.Path);

        daemon.KillHost();
        string program = before.AddProgram("program");
        Assert.Equal(0, Shell.Script(program).Status);
        Assert.Single(daemon.Entries(program));
        Assert.True(MountBench.IsWatched(daemon, before.Path), "the new host knows");

        after.Mount();
        MountBench.AwaitWatched(daemon, after.Path);
        string later = after.AddProgram("later");
        Assert.Equal(0, Shell.Script(later).Status);
        Assert.Single(daemon.Entries(later));
    }

    [Fact]
    public void Filesystem_without_permission_events_is_said_and_the_others_are_watched()
    {
        using var bench = new MountBench();
        using Daemon daemon = bench.Watch("--tpm none");
        using var without = new MountPlace(bench.Root, "proc");
        using var with = new MountPlace(bench.Root, "tmpfs");
        without.Mount();
        with.Mount();
        MountBench.AwaitWatched(daemon, with.Path);

        string expected = $"{without.Path} (proc): this filesystem has no permission events";
        Assert.Contains(expected, Holes(daemon));
        Assert.Contains($"not watching {expected}", daemon.Log, StringComparison.Ordinal);
        Assert.False(MountBench.IsWatched(daemon, without.Path));
        Thread.Sleep(2500);
        Assert.Equal(2, daemon.Log.Split(expected).Length);
    }

    [Fact]
    public void Filesystem_whose_server_does_not_answer_is_not_touched()
    {
        using var bench = new MountBench();
        using var stuck = new MountPlace(bench.Root, "fuse.stuck");
        using Running server = stuck.MountWithoutServer();
        Shell.Until(
            () => File.ReadAllText("/proc/mounts").Contains($" {stuck.Path} fuse.stuck ", StringComparison.Ordinal), "it is mounted");
        using Daemon daemon = bench.Watch("--tpm none");
        Assert.DoesNotContain("not all that is mounted", daemon.Log, StringComparison.Ordinal);
        Assert.Contains(
            $"{stuck.Path} (fuse.stuck): a server answers for it, and could stop the guard by not answering", Holes(daemon));

        using var place = new MountPlace(bench.Root, "tmpfs");
        place.Mount();
        MountBench.AwaitWatched(daemon, place.Path);
        Shell.Signal("KILL", server.Pid);
    }

    [Fact]
    public void Mount_that_lies_under_another_is_said()
    {
        using var bench = new MountBench();
        using var place = new MountPlace(bench.Root, "ramfs");
        place.Mount();
        Shell.Must("mount", "-t", "tmpfs", "imahost-above", place.Path);
        using Daemon daemon = bench.Watch("--tpm none");
        Assert.True(MountBench.IsWatched(daemon, place.Path));
        Assert.Contains($"{place.Path} (ramfs): another mount lies over it", Holes(daemon));

        Shell.Must("umount", place.Path);
        Shell.Until(() => Holes(daemon).All(hole => !hole.Contains(place.Path, StringComparison.Ordinal)), "it is reached");
        Assert.True(MountBench.IsWatched(daemon, place.Path));
    }

    static string LineOf(string path) => File.ReadLines("/proc/self/mountinfo")
        .Last(line => line.Contains($" {path} ", StringComparison.Ordinal));

    static string[] Holes(Daemon daemon) =>
        [.. daemon.Status().GetProperty("holes").EnumerateArray().Select(hole => hole.GetString()!)];
}
