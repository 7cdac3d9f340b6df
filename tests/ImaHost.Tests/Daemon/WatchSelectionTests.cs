using System.Text;
using ImaHost.Daemon;
using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class WatchSelectionTests
{
    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("tmpfs")]
    [InlineData("ramfs")]
    [InlineData("squashfs")]
    [InlineData("vfat")]
    [InlineData("rootfs")]
    [InlineData("hugetlbfs")]
    [InlineData("something-new")]
    public void All_takes_what_stores_files(string type) => Assert.True(Matches("all", type, "/mnt"));

    [Theory]
    [InlineData("proc")]
    [InlineData("sysfs")]
    [InlineData("cgroup")]
    [InlineData("cgroup2")]
    [InlineData("devpts")]
    [InlineData("devtmpfs")]
    [InlineData("securityfs")]
    [InlineData("debugfs")]
    [InlineData("tracefs")]
    [InlineData("bpf")]
    [InlineData("mqueue")]
    [InlineData("nsfs")]
    [InlineData("autofs")]
    [InlineData("binfmt_misc")]
    [InlineData("fusectl")]
    [InlineData("configfs")]
    [InlineData("pstore")]
    [InlineData("efivarfs")]
    [InlineData("fuse.imahost")]
    [InlineData("fuse")]
    [InlineData("fuseblk")]
    [InlineData("fuse.sshfs")]
    [InlineData("virtiofs")]
    [InlineData("nfs")]
    [InlineData("nfs4")]
    [InlineData("cifs")]
    [InlineData("smb3")]
    [InlineData("9p")]
    [InlineData("ceph")]
    [InlineData("ecryptfs")]
    public void All_leaves_out_what_stores_none_or_has_a_server(string type) => Assert.False(Matches("all", type, "/mnt"));

    [Theory]
    [InlineData("type:ext4", "ext4", true)]
    [InlineData("type:ext4", "ext3", false)]
    [InlineData("type:ext4", "ext4dev", false)]
    public void Type_takes_each_filesystem_of_that_type_wherever_it_is(string entry, string type, bool matches)
    {
        Assert.Equal(matches, Matches(entry, type, "/any/where"));
        Assert.Equal(matches, Matches(entry, type, "/any/where", byPlace: false));
    }

    [Theory]
    [InlineData("mount:/media/**", "/media/user/stick", "vfat", true)]
    [InlineData("mount:/media/*", "/media/stick", "vfat", true)]
    [InlineData("mount:/media/*", "/media/user/stick", "vfat", false)]
    [InlineData("mount:/media/*", "/media", "vfat", false)]
    [InlineData("mount:/mnt", "/mnt", "ext4", true)]
    [InlineData("mount:/mnt/", "/mnt", "ext4", true)]
    [InlineData("mount:/", "/", "ext4", true)]
    [InlineData("mount:/mnt", "/mnt/below", "ext4", false)]
    [InlineData("mount:**/data", "/a/b/data", "ext4", true)]
    [InlineData("mount:/media/**", "/media/remote", "nfs4", true)]
    [InlineData("mount:/run/ima", "/run/ima", "fuse.imahost", false)]
    [InlineData("mount:/srv/*", "/srv/proc", "proc", true)]
    public void Mount_takes_what_is_mounted_at_such_a_place(string entry, string point, string type, bool matches)
    {
        Assert.Equal(matches, Matches(entry, type, point));
        Assert.False(Matches(entry, type, point, byPlace: false));
    }

    [Theory]
    [InlineData("overlay", "6.1.0", false)]
    [InlineData("overlay", "6.4.16", false)]
    [InlineData("overlay", "6.5", true)]
    [InlineData("overlay", "6.18.44", true)]
    [InlineData("overlay", "7.0", true)]
    [InlineData("ecryptfs", "6.1.0", true)]
    [InlineData("ext4", "6.18.44", false)]
    public void Overlay_must_not_be_marked_where_its_layers_raise_events_too(string type, string kernel, bool stacked)
    {
        Assert.Equal(stacked, FilesystemTypes.IsStacked(type, Version.Parse(kernel)));
        Assert.Equal(stacked, FilesystemTypes.WhyNever(type, Version.Parse(kernel)) != null);
    }

    [Fact]
    public void Path_is_no_selector()
    {
        var selection = new WatchSelection(["/srv", "type:xfs", "relative", "all"]);
        Assert.Equal(["/srv", "relative"], selection.Paths);
        Assert.Equal(["type:xfs", "all"], selection.Selectors);
        Assert.False(Matches("/srv", "ext4", "/srv"));
    }

    [Theory]
    [InlineData("type:")]
    [InlineData("type:a b")]
    [InlineData("type:*")]
    [InlineData("type:fuse.imahost")]
    [InlineData("type:nfs4")]
    [InlineData("type:fuse.sshfs")]
    [InlineData("type:ecryptfs")]
    [InlineData("mount:")]
    [InlineData("mount:media")]
    [InlineData("mount:*")]
    [InlineData("mount:/a[")]
    public void Nonsense_is_refused(string entry) =>
        Assert.Throws<FormatException>(() => new WatchSelection([entry]));

    static bool Matches(string entry, string type, string point, bool byPlace = true) => new WatchSelection([entry])
        .Matches(new Mount(1, new DeviceNumber(8, 1), type, Encoding.UTF8.GetBytes(point)), byPlace);
}
