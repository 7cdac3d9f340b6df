using System.Text;
using ImaHost.Events;
using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class MountInfoLineTests
{
    [Theory]
    [InlineData(
        "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
        36, 98, 0, "/mnt1", "/mnt2", "ext3", "/dev/root")]
    [InlineData("22 27 0:21 / /proc rw,relatime - proc proc rw", 22, 0, 21, "/", "/proc", "proc", "proc")]
    [InlineData(
        "99 1 0:4294967295 / /a rw shared:1 master:2 propagate_from:3 unbindable - fuse.sshfs u@h:/- rw,user_id=0",
        99, 0, uint.MaxValue, "/", "/a", "fuse.sshfs", "u@h:/-")]
    [InlineData("5 4 0:9 / /with\\040blank\\012- rw - tmpfs my\\040- rw", 5, 0, 9, "/", "/with blank\n-", "tmpfs", "my -")]
    [InlineData("5 4 0:9 / /a rw - tmpfs  rw", 5, 0, 9, "/", "/a", "tmpfs", "")]
    [InlineData("5 4 0:9 net:[4026531840] /run/netns/x rw shared:7 - nsfs nsfs rw", 5, 0, 9, "net:[4026531840]", "/run/netns/x", "nsfs", "nsfs")]
    [InlineData("5 4 0:9 /x//deleted /y ro - btrfs /dev/vda2 rw,subvol=/x - y", 5, 0, 9, "/x//deleted", "/y", "btrfs", "/dev/vda2")]
    [InlineData("5 4 0:9 / / rw - overlay none lowerdir=cu", 5, 0, 9, "/", "/", "overlay", "none")]
    public void TryParse_takes_the_words_of_a_line(
        string line, int id, uint major, uint minor, string root, string point, string type, string source)
    {
        Assert.True(MountInfoLine.TryParse(Encoding.UTF8.GetBytes(line), out MountInfoLine mount));
        Assert.Equal((ulong)id, mount.MountId);
        Assert.Equal(new DeviceNumber(major, minor), mount.Device);
        Assert.Equal(root, MountInfoLine.ToText(mount.Root));
        Assert.Equal(point, MountInfoLine.ToText(mount.MountPoint));
        Assert.Equal(type, MountInfoLine.ToText(mount.Type));
        Assert.Equal(source, MountInfoLine.ToText(mount.Source));
    }

    [Theory]
    [InlineData("")]
    [InlineData("36")]
    [InlineData("36 35 98:0")]
    [InlineData("36 35 98:0 /mnt1 /mnt2")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw master:1 ext3 /dev/root rw")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw - ext")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/ro")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 - ext3 /dev/root rw")]
    [InlineData("36 35 98 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("x 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("36 35 98:4294967296 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("36 35 98:0  /mnt2 rw - ext3 /dev/root rw")]
    public void TryParse_refuses_what_is_not_there_or_is_cut_off(string line) =>
        Assert.False(MountInfoLine.TryParse(Encoding.UTF8.GetBytes(line), out _));

    [Theory]
    [InlineData("", "")]
    [InlineData("plain", "plain")]
    [InlineData("\\040\\011\\012\\134\\043", " \t\n\\#")]
    [InlineData("\\134040", "\\040")]
    [InlineData("\\377", "\ufffd")]
    [InlineData("\\04", "\\04")]
    [InlineData("\\", "\\")]
    [InlineData("\\048", "\\048")]
    [InlineData("\\400", "\\400")]
    public void ToText_undoes_the_escapes_of_the_kernel(string word, string text) =>
        Assert.Equal(text, MountInfoLine.ToText(Encoding.UTF8.GetBytes(word)));

    [Fact]
    public void ToText_takes_the_longest_path()
    {
        string word = string.Concat(Enumerable.Repeat("\\040", 4096));
        Assert.Equal(new string(' ', 4096), MountInfoLine.ToText(Encoding.UTF8.GetBytes(word)));
    }
}
