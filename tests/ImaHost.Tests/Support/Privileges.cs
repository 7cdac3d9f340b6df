using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>What only root can try out.</summary>
static class Privileges
{
    public static void Require() =>
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give a process other ids, or mount");
}
