using System.Text;
using ImaHost.Fs;
using ImaHost.Interop;
using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Fs;

/// <summary>The published policy when the host that serves it is replaced.</summary>
public sealed class PolicyFileTests
{
    const int Busy = -16; // EBUSY
    const string Rule = "measure func=BPRM_CHECK\n";

    readonly SharedState _shared = SharedState.Alone();
    ImaPolicy _policy = ImaPolicy.Default;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_that_is_answered_by_the_next_host_keeps_nobody_out(bool append)
    {
        Assert.Equal(0, Host().OpenToWrite(append, 10, 1));
        PolicyFile next = Host();
        Assert.Equal(0, next.OpenToWrite(append, 10, 1));
        Assert.Equal(Busy, next.OpenToWrite(append, 12, 1));

        Assert.Equal(Rule.Length, next.Write(10, Encoding.ASCII.GetBytes(Rule), append ? ImaPolicy.Default.ToString().Length : 0));
        Assert.Equal(0, next.Flush(10));
        next.Release(10);
        Assert.Equal(Rule, _policy.ToString());
        Assert.Equal(0, next.OpenToWrite(append, 14, 1));
    }

    PolicyFile Host() => new(_shared, new PolicyCommands(
        () => _policy, _ => throw new NotSupportedException(), () => null, () => false,
        (draft, _) =>
        {
            _policy = new ImaPolicy(draft.Rules);
            return true;
        },
        _ => { }));
}
