using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class FilesystemsTests : IDisposable
{
    const TargetFacts Both = TargetFacts.FsType | TargetFacts.FsUuid;
    const string Uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    static readonly DeviceNumber Nowhere = new(4095, 1_048_575);

    readonly TemporaryDirectory _directory = new();
    readonly Filesystems _filesystems = new();

    public void Dispose()
    {
        _filesystems.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Find_knows_what_has_no_uuid()
    {
        using HeldFile file = HeldFile.Open("/proc/version");
        Assert.Equal(new FilesystemFacts(Both, "proc", null), Find(file, Both));
        Assert.Equal(new FilesystemFacts(TargetFacts.FsType, "proc", null), Find(file, TargetFacts.FsType));
        Assert.Equal(new FilesystemFacts(TargetFacts.FsUuid, null, null), Find(file, TargetFacts.FsUuid));
        Assert.Equal(default, Find(file, TargetFacts.Label));
    }

    [Fact]
    public void Find_goes_by_the_mount_where_a_file_has_another_device_number()
    {
        using HeldFile file = HeldFile.Open("/proc/version");
        Assert.Equal("proc", _filesystems.Find(file, 0, Nowhere, TargetFacts.FsType).Type);
    }

    [Fact]
    public void Find_hears_of_mounts_that_come_and_go()
    {
        Privileges.Require();
        string path = _directory.At("mounted");
        _ = Directory.CreateDirectory(path);
        DeviceNumber device;
        Child.Run("/bin/mount", "-t", "tmpfs", "imahost-test", path);
        try
        {
            using (HeldFile file = HeldFile.Open(_directory.Write("mounted/file", "text")))
            {
                device = DeviceOf(file);
                Assert.Equal("tmpfs", Find(file, TargetFacts.FsType).Type);
            }
        }
        finally
        {
            Child.Run("/bin/umount", path);
        }

        // A closed file has no mount to go by.
        HeldFile closed = HeldFile.Open("/proc/version");
        closed.Dispose();
        Assert.Equal(default, _filesystems.Find(closed, 0, device, TargetFacts.FsType));
    }

    [Fact]
    public void Find_looks_into_the_mount_namespace_of_the_accessor()
    {
        Privileges.Require();
        string path = _directory.At("with blank");
        _ = Directory.CreateDirectory(path);
        using Child child = Child.Start(
            "/usr/bin/unshare",
            ["-m", "sh", "-c", "mount -t ramfs 'a - b' \"$0\" && echo text > \"$0/file\" && exec sleep 30", path], "sleep");
        using HeldFile file = HeldFile.Open($"/proc/{child.Pid}/root{path}/file");
        FilesystemFacts facts = _filesystems.Find(file, child.Pid, DeviceOf(file), Both);
        Assert.Equal(new FilesystemFacts(Both, "ramfs", null), facts);
        Assert.Equal("ramfs", _filesystems.Find(file, child.Pid, Nowhere, Both).Type);

        // It is not kept, so nobody else is told of it.
        Assert.Equal(TargetFacts.FsUuid, _filesystems.Find(file, 0, DeviceOf(file), Both).Known);
        child.End();
        Assert.Equal(TargetFacts.FsUuid, _filesystems.Find(file, child.Pid, DeviceOf(file), Both).Known);
    }

    [Fact]
    public void Find_reads_the_uuid_that_the_filesystem_was_made_with()
    {
        Privileges.Require();
        string image = _directory.At("image");
        string path = _directory.At("mounted");
        _ = Directory.CreateDirectory(path);
        Child.Run("/bin/truncate", "-s", "4M", image);
        Child.Run("/sbin/mkfs.ext4", "-q", "-F", "-U", Uuid, image);
        Child.Run("/bin/mount", "-o", "loop", image, path);
        try
        {
            using HeldFile file = HeldFile.Open(_directory.Write("mounted/file", "text"));
            Assert.Equal(new FilesystemFacts(Both, "ext4", Guid.Parse(Uuid)), Find(file, Both));

            // As kernels before Linux 6.9 are asked.
            Assert.True(file.TryGetUuidOfExt4(out Guid? uuid));
            Assert.Equal(Guid.Parse(Uuid), uuid);
            Assert.False(file.TryGetUuidOfBtrfs(out _));
        }
        finally
        {
            Child.Run("/bin/umount", path);
        }
    }

    [Fact]
    public void Find_allocates_nothing_for_what_is_known()
    {
        using HeldFile file = HeldFile.Open("/proc/version");
        DeviceNumber device = DeviceOf(file);
        Assert.Equal("proc", Find(file, Both).Type);

        // Mounts of other tests are news as well.
        Assert.True(SpinWait.SpinUntil(() => Allocated(file, device) == 0, 10_000));
    }

    [Fact]
    public void Find_serves_many_at_once()
    {
        _ = Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using HeldFile file = HeldFile.Open("/proc/version");
            Assert.Equal("proc", Find(file, Both).Type);
        });
    }

    long Allocated(HeldFile file, DeviceNumber device)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            _ = _filesystems.Find(file, 0, device, Both);
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    FilesystemFacts Find(HeldFile file, TargetFacts wanted) => _filesystems.Find(file, 0, DeviceOf(file), wanted);

    static DeviceNumber DeviceOf(HeldFile file)
    {
        Assert.True(file.TryStat(out FileStat stat, out _));
        return new DeviceNumber(stat.DeviceMajor, stat.DeviceMinor);
    }
}
