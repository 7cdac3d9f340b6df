using ImaHost.Daemon;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>How a kernel is told to run BPF programs as a security module.</summary>
public sealed class LsmAdviceTests
{
    const string Ubuntu = "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n";
    const string Debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n";
    const string Fedora = "NAME=\"Fedora Linux\"\nID=fedora\n";
    const string Alma = "ID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\n";

    [Theory]
    [InlineData("lockdown,capability,landlock,yama,apparmor,bpf\n", true)]
    [InlineData("bpf", true)]
    [InlineData("lockdown,capability,landlock,yama,apparmor\n", false)]
    [InlineData("capability,bpfx", false)]
    [InlineData("", false)]
    public void Bpf_is_active_when_it_is_in_the_list(string active, bool expected) =>
        Assert.Equal(expected, LsmAdvice.HasBpf(active));

    [Theory]
    [InlineData(Ubuntu, "GRUB_CMDLINE_LINUX lsm=lockdown,capability,bpf\"' >/etc/default/grub.d/", "update-grub")]
    [InlineData(Debian, "GRUB_CMDLINE_LINUX lsm=lockdown,capability,bpf\"' >/etc/default/grub.d/", "update-grub")]
    [InlineData(Fedora, "grubby --update-kernel=ALL --args=lsm=lockdown,capability,bpf", "reboot")]
    [InlineData(Alma, "grubby --update-kernel=ALL --args=lsm=lockdown,capability,bpf", "reboot")]
    [InlineData("ID=arch\n", "lsm=lockdown,capability,bpf", "kernel's command line")]
    [InlineData("", "lsm=lockdown,capability,bpf", "kernel's command line")]
    public void Steps_keep_the_modules_that_are_active_and_are_those_of_the_distribution(string release, string first, string other)
    {
        string steps = string.Join('\n', LsmAdvice.HowToEnable("lockdown,capability\n", release));
        Assert.Contains(first, steps, StringComparison.Ordinal);
        Assert.Contains(other, steps, StringComparison.Ordinal);
    }
}
