using System.Text;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class SecurityLabelTests
{
    [Theory]
    [InlineData("SELinux", "system_u:system_r:init_t:s0-s0:c0.c1023\0", "system_u:system_r:init_t:s0-s0:c0.c1023")]
    [InlineData("SELinux", "u:r:t (x)\0", "u:r:t (x)")]
    [InlineData("Smack", "_", "_")]
    [InlineData("Smack", "System\n", "System")]
    [InlineData("AppArmor", "unconfined\n", "unconfined")]
    [InlineData("AppArmor", "/usr/bin/man (enforce)\n", "/usr/bin/man")]
    [InlineData("AppArmor", "a (b) (complain)\n", "a (b)")]
    [InlineData("AppArmor", "a b//&:ns:c (mixed)\n", "a b//&:ns:c")]
    [InlineData("AppArmor", "(enforce)\n", "(enforce)")]
    [InlineData("AppArmor", "", "")]
    internal void OfSubject_is_the_bare_label(string module, string text, string label) => Assert.Equal(
        label, Encoding.UTF8.GetString(SecurityLabel.OfSubject(Enum.Parse<SecurityModule>(module), Encoding.UTF8.GetBytes(text))));

    [Theory]
    [InlineData("SELinux", "security.selinux\0")]
    [InlineData("Smack", "security.SMACK64\0")]
    internal void TryReadOfFile_reads_the_attribute_of_the_module(string module, string attribute)
    {
        Privileges.Require();
        using var directory = new TemporaryDirectory();
        using HeldFile file = HeldFile.Open(directory.Write("labelled", "text"));
        var into = new ByteBuilder();
        var named = Enum.Parse<SecurityModule>(module);
        Assert.True(SecurityLabel.TryReadOfFile(file, named, into));
        Assert.Equal(0, into.Length);
        Assert.Equal(0, file.SetXattr(Encoding.UTF8.GetBytes(attribute), "u:object_r:t:s0\0"u8));
        Assert.True(SecurityLabel.TryReadOfFile(file, named, into));
        Assert.Equal("u:object_r:t:s0", Encoding.UTF8.GetString(into.Written));
        Assert.False(SecurityLabel.TryReadOfFile(file, SecurityModule.None, into));
        Assert.True(SecurityLabel.TryReadOfFile(file, SecurityModule.AppArmor, into));
        Assert.Equal("u:object_r:t:s0", Encoding.UTF8.GetString(into.Written));
    }

    [Fact]
    public void TryReadOfFile_takes_a_filesystem_without_attributes_for_one_without_labels()
    {
        using HeldFile file = HeldFile.Open("/proc/version");
        var into = new ByteBuilder();
        Assert.True(SecurityLabel.TryReadOfFile(file, SecurityModule.SELinux, into));
        Assert.Equal(0, into.Length);
    }

    [Fact]
    public void TryReadOfFile_knows_nothing_of_a_file_that_cannot_be_asked()
    {
        HeldFile file = HeldFile.Open("/proc/version");
        file.Dispose();
        Assert.False(SecurityLabel.TryReadOfFile(file, SecurityModule.SELinux, new ByteBuilder()));
    }
}
