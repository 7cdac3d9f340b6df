using System.Text;
using ImaHost.Daemon;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class MountInfoTests
{
    [Theory]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", 36, "98:0", "ext3", "/mnt2")]
    [InlineData("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw", 27, "254:0", "ext4", "/")]
    [InlineData("1 2 0:5 / /a rw shared:2 master:1 propagate_from:3 unbindable - tmpfs none rw", 1, "0:5", "tmpfs", "/a")]
    [InlineData("1 2 0:5 / /a rw new:thing - tmpfs  rw", 1, "0:5", "tmpfs", "/a")]
    [InlineData(@"1 2 0:5 / /b\040t\011n\012s\134e rw - fuse.sshfs me@host:/ rw", 1, "0:5", "fuse.sshfs", "/b t\tn\ns\\e")]
    [InlineData(@"1 2 0:5 / /not\8octal\04 rw - tmpfs none rw", 1, "0:5", "tmpfs", @"/not\8octal\04")]
    [InlineData("18446744073709551615 2 4095:1048575 / /a rw - xfs /dev/x rw", ulong.MaxValue, "4095:1048575", "xfs", "/a")]
    [InlineData("1 2 0:26 /@home /home rw shared:9 - btrfs /dev/vdb rw,subvol=/@home", 1, "0:26", "btrfs", "/home")]
    public void Parse_takes_the_fields_that_matter(string line, ulong id, string device, string type, string point)
    {
        Mount mount = Read(line + "\n");
        Assert.Equal(
            (id, device, type, point), (mount.Id, $"{mount.Device.Major}:{mount.Device.Minor}", mount.Type, Encoding.UTF8.GetString(mount.Point)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 ext3 /dev/root rw")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw - ")]
    [InlineData("36 35 98 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("x 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("36 35 0:3 / net:[4026531840] rw - nsfs nsfs rw")]
    [InlineData("36")]
    public void Parse_leaves_out_what_it_does_not_understand(string line) =>
        Assert.Empty(MountInfo.Parse(Encoding.UTF8.GetBytes(line)));

    [Fact]
    public void Parse_keeps_bytes_that_are_no_UTF8_and_shows_them_escaped()
    {
        Mount mount = Assert.Single(MountInfo.Parse([.. "1 2 0:5 / /a"u8, 0xff, 0x1b, .. "b rw - tmpfs none rw"u8]));
        Assert.Equal([.. "/a"u8, 0xff, 0x1b, .. "b"u8], mount.Point);
        Assert.Equal(@"/a\xff\x1bb", mount.Place);
    }

    [Fact]
    public void Parse_reads_this_machine()
    {
        List<Mount> mounts = Mounts.Read();
        Assert.Equal(File.ReadLines("/proc/self/mountinfo").Count(), mounts.Count);
        Assert.Equal("proc", Mounts.Of("/proc/self/status", mounts)?.Type);
    }

    [Theory]
    [InlineData("1 9 0:5 / /a ro shared:1 - tmpfs other ro", true)]
    [InlineData("2 2 0:5 / /a rw - tmpfs none rw", false)]
    [InlineData("1 2 0:6 / /a rw - tmpfs none rw", false)]
    [InlineData("1 2 0:5 / /b rw - tmpfs none rw", false)]
    [InlineData("1 2 0:5 / /a rw - fuse none rw", false)]
    public void Mount_is_the_same_if_number_device_type_and_place_are(string line, bool same) =>
        Assert.Equal(same, Read("1 2 0:5 / /a rw - tmpfs none rw").IsSame(Read(line)));

    static Mount Read(string text) => Assert.Single(MountInfo.Parse(Encoding.UTF8.GetBytes(text)));
}
