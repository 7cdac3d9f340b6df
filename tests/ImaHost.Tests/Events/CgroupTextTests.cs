using System.Text;
using ImaHost.Events;
using ImaHost.Template;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class CgroupTextTests
{
    [Theory]
    [InlineData("0::/\n", "/")]
    [InlineData("0::/system.slice/cron.service\n", "/system.slice/cron.service")]
    [InlineData("0::/a:b c/name=systemd:/x\n", "/a:b c/name=systemd:/x")]
    [InlineData("12:cpu,cpuacct:/one\n1:name=systemd:/two\n0::/three\n", "/three")]
    [InlineData("12:cpu,cpuacct:/one\n1:name=systemd:/two\n", "/two")]
    [InlineData("10::/no\n1:name=systemd:/two\n", "/two")]
    [InlineData("0::/../outside\n", "/../outside")]
    [InlineData("12:cpu,cpuacct:/one\n", null)]
    [InlineData("1:name=systemd2:/one\n", null)]
    [InlineData("0::/cut", null)]
    [InlineData("", null)]
    public void TryFind_prefers_the_hierarchy_of_version_2(string text, string? path)
    {
        var into = new ByteBuilder();
        Assert.Equal(path != null, CgroupText.TryFind(Encoding.UTF8.GetBytes(text), into));
        Assert.Equal(path ?? "", Encoding.UTF8.GetString(into.Written));
    }
}
