using ImaHost.Interop;
using Xunit;

namespace ImaHost.Tests.Abi;

public sealed class UserNamesTests
{
    [Fact]
    public void Names_and_ids_lead_to_each_other()
    {
        Assert.Equal(0u, UserNames.FindUser("root"));
        Assert.Equal(0u, UserNames.FindGroup("root"));
        Assert.Equal("root", UserNames.FindUserName(0));
        Assert.Equal("root", UserNames.FindGroupName(0));
        string[] daemon = Array.Find(File.ReadAllLines("/etc/passwd"), line => line.StartsWith("daemon:", StringComparison.Ordinal))!.Split(':');
        Assert.Equal(daemon[2], $"{UserNames.FindUser("daemon")}");
        Assert.Equal("daemon", UserNames.FindUserName(UserNames.FindUser("daemon")!.Value));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no-such-name-anywhere")]
    [InlineData("root\0")]
    [InlineData("root\0x")]
    [InlineData("root:x")]
    [InlineData("ro\not")]
    public void A_name_that_nobody_has_is_no_error(string name)
    {
        Assert.Null(UserNames.FindUser(name));
        Assert.Null(UserNames.FindGroup(name));
    }

    [Fact]
    public void An_id_that_nobody_has_is_no_error()
    {
        Assert.Null(UserNames.FindUserName(3_999_999_999));
        Assert.Null(UserNames.FindGroupName(3_999_999_999));
    }

    [Fact]
    public void A_name_of_any_length_can_be_asked_for() => Assert.Null(UserNames.FindUser(new string('x', 100_000)));
}
