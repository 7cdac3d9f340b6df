using ImaHost.Events;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class DiskUuidsTests
{
    const string Uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

    [Fact]
    public void Read_follows_the_links_of_udev_to_block_devices()
    {
        Privileges.Require();
        using var directory = new TemporaryDirectory();
        Child.Run("/bin/mknod", directory.At("disk"), "b", "7", "4711");
        string links = Directory.CreateDirectory(directory.At("by-uuid")).FullName;
        foreach (string name in new[] { Uuid, "1234-ABCD", "{" + Uuid + "}", Uuid[..^1] })
        {
            _ = File.CreateSymbolicLink(Path.Combine(links, name), "../disk");
        }

        _ = File.CreateSymbolicLink(Path.Combine(links, Uuid[..^1] + "0"), "../gone");
        _ = File.CreateSymbolicLink(Path.Combine(links, Uuid[..^1] + "1"), "/dev/null");
        Assert.Equal([KeyValuePair.Create(new DeviceNumber(7, 4711), Guid.Parse(Uuid))], DiskUuids.Read(links)!);
    }

    [Fact]
    public void Read_says_that_there_is_no_udev() => Assert.Null(DiskUuids.Read("/nowhere/by-uuid"));
}
