using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>What only root can try out.</summary>
static class Privileges
{
    public static void Require() =>
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give a process other ids, label a file, mount or look at what is root's");
}
