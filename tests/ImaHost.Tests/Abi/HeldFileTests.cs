using System.Runtime.InteropServices;
using ImaHost.Interop;
using ImaHost.Interop.Native;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Abi;

public sealed class HeldFileTests
{
    const int NoTty = -25;
    const int NoData = -61;
    const int NotSupported = -95;

    [Fact]
    public void MeasureVerity_says_that_there_is_no_digest()
    {
        using var directory = new TemporaryDirectory();
        byte[] digest = new byte[64];
        foreach (string path in new[] { directory.Write("plain", "text"), "/proc/version" })
        {
            using HeldFile file = HeldFile.Open(path);
            int result = file.MeasureVerity(digest, out ushort algorithm);
            Assert.True(result is NoTty or NoData or NotSupported, $"{path}: {result}");
            Assert.Equal(0, algorithm);
        }
    }

    [Fact]
    public void MountId_is_that_of_mountinfo()
    {
        using HeldFile file = HeldFile.Open("/proc/version");
        string line = File.ReadLines("/proc/self/mountinfo").Last(line => line.Contains(" /proc ", StringComparison.Ordinal));
        Assert.Equal(line.Split(' ')[0], $"{file.MountId}");
    }

    [Fact]
    public void Structures_of_the_ioctls_have_the_kernels_sizes()
    {
        Assert.Equal(17, Marshal.SizeOf<Libc.FilesystemUuid>());
        Assert.Equal(8 + 16, Marshal.SizeOf<Libc.Ext4Uuid>());
        Assert.Equal(1024, Marshal.SizeOf<Libc.BtrfsInfo>());
        Assert.Equal(4 + 64, Marshal.SizeOf<Libc.VerityDigest>());
    }
}
