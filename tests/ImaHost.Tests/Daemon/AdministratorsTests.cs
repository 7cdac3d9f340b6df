using ImaHost.Daemon;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class AdministratorsTests
{
    [Fact]
    public void Root_is_an_administrator_unless_it_is_that_of_a_user_namespace_of_its_own()
    {
        Privileges.Require();
        using var root = Child.Sleep();
        using var other = Child.Start("/usr/bin/unshare", ["-Ur", "/bin/sleep", "30"], "sleep");
        Assert.True(Administrators.Include((uint)root.Pid));
        Assert.False(Administrators.Include((uint)other.Pid));
    }

    [Fact]
    public void Who_gave_up_the_capability_or_is_gone_is_none()
    {
        Privileges.Require();
        using var bare = Child.Start(
            "/usr/bin/setpriv", ["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", "/bin/sleep", "30"], "sleep");
        Assert.False(Administrators.Include((uint)bare.Pid));
        Assert.False(Administrators.Include(0));
        Assert.False(Administrators.Include(int.MaxValue));
    }
}
