using System.CommandLine;
using ImaHost.Daemon;

namespace ImaHost.Cli;

/// <summary><c>imahost doctor</c>: can this machine do what the service would like to use?</summary>
static class DoctorCommand
{
    const string Release = "/etc/os-release";

    public static Command Create()
    {
        var command = new Command("doctor", "Check what this machine can do, and say how to let it do more.");
        command.SetAction(_ => Run());
        return command;
    }

    static int Run()
    {
        if (!File.Exists(LsmAdvice.ListPath))
        {
            Console.WriteLine($"BPF LSM    not known: {LsmAdvice.ListPath} is not there (mount -t securityfs none /sys/kernel/security)");
            return ExitStatus.No;
        }

        string active = File.ReadAllText(LsmAdvice.ListPath);
        if (LsmAdvice.HasBpf(active))
        {
            Console.WriteLine("BPF LSM    active: code that nobody has judged can be refused (bpf: auto)");
            return ExitStatus.Yes;
        }

        Console.WriteLine($"BPF LSM    not active ({active.Trim()}): memfds, raw code and a dead guard are not covered. To change that:");
        foreach (string step in LsmAdvice.HowToEnable(active, File.Exists(Release) ? File.ReadAllText(Release) : ""))
        {
            Console.WriteLine($"           {step}");
        }

        return ExitStatus.No;
    }
}
