using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// A verdict that the kernel holds depends on more than what the file holds: its owner, mode, labels and name. They are
/// changed, and soon it is judged anew.
/// </summary>
public sealed class StaleAttributeTests
{
    const int CannotExecute = 126;

    /// <summary>Seconds in which the guard hears of it; nobody waits for it meanwhile.</summary>
    const int Soon = 2;

    const string WrongLabel = "0x04040000000000000000000000000000000000000000000000000000000000000000";

    [Theory]
    [InlineData("setfattr -n security.ima -v " + WrongLabel)]
    [InlineData("setfattr -x security.ima")]
    public void Program_that_was_vouched_for_is_denied_after(string change)
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must(Bench.Program, "label", program);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        new KeptFile(program, program, daemon).Keep();

        Shell.Must("sh", "-c", $"{change} {program}");

        ExpectDenied(program);
        Shell.Must(Bench.Program, "label", program);
        ExpectStatus(0, program);
    }

    [Theory]
    [InlineData("setfattr -n security.ima -v " + WrongLabel)]
    [InlineData("setfattr -x security.ima")]
    public void Data_that_were_vouched_for_are_denied_after(string change)
    {
        using var bench = new PolicyBench("--appraise enforce", "ext4");
        string data = bench.AddData("data");
        Shell.Must(Bench.Program, "label", data);
        bench.Put("measure func=FILE_CHECK mask=^MAY_READ\nappraise func=FILE_CHECK mask=^MAY_READ\n");
        string read = $"cat {data} > /dev/null";
        new KeptFile(data, read, bench.Daemon).Keep();

        Shell.Must("sh", "-c", $"{change} {data}");

        Shell.Until(() => Shell.Script(read).Status != 0, "reading it is denied", Soon);
    }

    [Theory]
    [InlineData("fowner=0", "chown 0")]
    [InlineData("fgroup=0", "chgrp 0")]
    public void Program_that_rules_about_owners_exempted_is_denied_when_it_gets_such_an_owner(string condition, string change)
    {
        using var bench = new PolicyBench("--appraise enforce", "ext4");
        string program = bench.Volume.AddProgram("program");
        Shell.Must("chown", "1000:1000", program);
        bench.Put($"measure func=BPRM_CHECK\nappraise {condition}\n");
        new KeptFile(program, program, bench.Daemon).Keep();

        Shell.Must("sh", "-c", $"{change} {program}");

        ExpectDenied(program);
        Shell.Must("chown", "1000:1000", program);
        ExpectStatus(0, program);
    }

    /// <summary>A template that shows them has an entry for each of them.</summary>
    [Theory]
    [InlineData("chmod 711", "0 0 33225")]
    [InlineData("chmod 4755", "0 0 35309")]
    [InlineData("chown 1000", "1000 0 33261")]
    [InlineData("chgrp 1001", "0 1001 33261")]
    [InlineData("setcap cap_net_raw+ep", "0 0 33261")]
    public void Program_is_entered_again_as_it_is_after(string change, string shown)
    {
        string config = Bench.NewFile("imahost.yaml", "template: evm-sig\n");
        using var bench = new PolicyBench($"--config {config}", "ext4");
        string program = bench.Volume.AddProgram("program");
        new KeptFile(program, program, bench.Daemon).Keep();
        string before = Assert.Single(bench.Daemon.Entries($"{program} "));

        Shell.Must("sh", "-c", $"{change} {program}");

        Shell.Until(() => Shell.Script(program).Status == 0 && bench.Daemon.Entries($"{program} ").Length > 1, "it is entered again", Soon);
        string[] entries = bench.Daemon.Entries($"{program} ");
        Assert.Equal(2, entries.Length);
        Assert.EndsWith($" {shown}", entries[1], StringComparison.Ordinal);
        Assert.NotEqual(before, entries[1]);
    }

    [Fact]
    public void Program_that_is_renamed_is_entered_by_its_new_name()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        string renamed = volume["renamed"];
        new KeptFile(program, program, daemon).Keep();

        File.Move(program, renamed);

        Shell.Until(() => Shell.Script(renamed).Status == 0 && daemon.Entries($"{renamed} ").Length == 1, "the name is in the list", Soon);
    }

    /// <summary>At once, and however it comes by the name: no verdict is kept that another name would not have.</summary>
    [Theory]
    [InlineData("appraise func=BPRM_CHECK imahost.path=**/strict/**\n", "mv {0}/lax/program {0}/strict/program")]
    [InlineData("appraise func=BPRM_CHECK imahost.path=**/strict/**\n", "ln {0}/lax/program {0}/strict/program")]
    [InlineData("appraise func=BPRM_CHECK imahost.path=**/strict/**\n", "rmdir {0}/strict && mv {0}/lax {0}/strict")]
    [InlineData("dont_appraise func=BPRM_CHECK imahost.path=**/lax/**\nappraise func=BPRM_CHECK\n", "mv {0}/lax/program {0}/strict/program")]
    public void Program_is_judged_by_the_name_that_it_gets(string rules, string rename)
    {
        using var bench = new PolicyBench("--appraise enforce", "ext4");
        string root = bench.Volume.Path;
        Directory.CreateDirectory(bench.Volume["lax"]);
        Directory.CreateDirectory(bench.Volume["strict"]);
        string program = bench.Volume.AddProgram("lax/program");
        bench.Put($"measure func=BPRM_CHECK\n{rules}");
        Assert.Equal(0, Shell.Script($"{program} && {program}").Status);

        Shell.Must("sh", "-c", string.Format(CultureInfo.InvariantCulture, rename, root));

        Assert.Equal(CannotExecute, Shell.Script(bench.Volume["strict/program"]).Status);
    }

    static void ExpectDenied(string program) => ExpectStatus(CannotExecute, program);

    static void ExpectStatus(int status, string program) =>
        Shell.Until(() => Shell.Script(program).Status == status, $"its status is {status}", Soon);
}
