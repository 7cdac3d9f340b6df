using System.Buffers.Binary;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Every template of the kernel, and formats of one's own, in a live list.</summary>
public sealed class TemplateTests
{
    const string Custom = "d-ng|n-ng|iuid|igid|imode";

    /// <summary>A template, and what its line of a program ends in: {0} its digest, {1} its path.</summary>
    public static TheoryData<string, string> Lines => new()
    {
        { "ima-ng", "sha256:{0} {1}" },
        { "ima-sig", "sha256:{0} {1} " },
        { "ima-ngv2", "ima:sha256:{0} {1}" },
        { "ima-sigv2", "ima:sha256:{0} {1} " },
        { "ima-buf", "sha256:{0} {1} " },
        { "ima-modsig", "sha256:{0} {1}   " },
        { "evm-sig", "sha256:{0} {1}     1000 1001 33261" },
        { Custom, "sha256:{0} {1} 1000 1001 33261" },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void Program_is_listed_in_the_template_that_is_configured(string template, string line)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Start(volume, tpm, template);
        string program = volume.AddProgram("program");
        Shell.Must("chown", "1000:1001", program);

        Assert.Equal(0, Shell.Script(program).Status);

        string digest = Shell.Must("sha256sum", program)[..64];
        string entry = Assert.Single(daemon.Entries(program));
        string expected = string.Format(System.Globalization.CultureInfo.InvariantCulture, line, digest, program);
        Assert.Equal($"{template} {expected}", entry[44..]);
        RequireVerified(daemon, tpm);
        Assert.Equal(tpm.ReadPcr("sha256", 10), Replay.Pcr10(File.ReadAllBytes(daemon.BinaryList), "sha256"));
    }

    [Fact]
    public void Template_ima_has_sha1_digests_whatever_the_hash_is()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Start(volume, tpm, "ima");
        string program = volume.AddProgram("program");
        Assert.Equal(0, Shell.Script(program).Status);
        Shell.Feed("bytes", Bench.Program, "measure", "-", "--name", "buffer", "--state", daemon.State);

        // One template for all: its readers know no other, so that buffers are in it too.
        Assert.All(
            File.ReadLines(daemon.AsciiList), line => Assert.Matches("^10 [0-9a-f]{40} ima [0-9a-f]{40} [^ ]+$", line));
        string digest = Shell.Must("sha1sum", program)[..40];
        Assert.EndsWith($" ima {digest} {program}", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
        string buffer = Shell.Script("printf bytes | sha1sum").Output[..40];
        Assert.EndsWith($" ima {buffer} buffer", Assert.Single(daemon.Entries("buffer")), StringComparison.Ordinal);
        RequireVerified(daemon, tpm);
    }

    [Fact]
    public void Template_evm_sig_shows_owner_mode_and_the_protected_attributes()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must("chown", "1000:1001", program);
        Shell.Must("chmod", "4750", program);
        Shell.Must("setcap", "cap_net_raw+ep", program);
        Shell.Must(Bench.Program, "label", program);
        using Daemon daemon = Start(volume, tpm, "evm-sig");

        Assert.Equal(0, Shell.Script(program).Status);

        string digest = Shell.Must("sha256sum", program)[..64];
        string capability =
            Shell.Must("getfattr", "-e", "hex", "-n", "security.capability", program).Split("=0x")[1].Trim();
        string lengths = Length($"0404{digest}") + Length(capability);
        Assert.EndsWith(
            $" evm-sig sha256:{digest} {program}  security.ima|security.capability {lengths} 0404{digest}{capability}"
            + $" 1000 1001 {Convert.ToInt32("104750", 8)}",
            Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
        RequireVerified(daemon, tpm);
    }

    [Fact]
    public void Signature_is_in_the_templates_that_have_a_field_for_it()
    {
        const string signature = "030204a4010f57000411223344";
        foreach (string template in (string[])["ima-sig", "ima-sigv2", "ima-modsig"])
        {
            using var tpm = new Emulator();
            using var volume = new Volume();
            string program = volume.AddProgram("program");
            Shell.Must("setfattr", "-n", "security.ima", "-v", $"0x{signature}", program);
            using Daemon daemon = Start(volume, tpm, template);
            Assert.Equal(0, Shell.Script(program).Status);

            string entry = Assert.Single(daemon.Entries(program));
            Assert.Contains($" {program} {signature}", entry, StringComparison.Ordinal);
            RequireVerified(daemon, tpm);
        }
    }

    [Fact]
    public void Template_that_there_is_not_is_refused_with_those_that_there_are()
    {
        using var volume = new Volume();
        string config = Bench.NewFile("imahost.yaml", "template: ima-sigv3\n");
        using var daemon = new Daemon(volume.Path, $"--tpm none --config {config}");

        Assert.Equal(2, daemon.AwaitFailure());
        Assert.Contains("\"ima-sigv3\" is no template: ima, ima-ng, ima-sig,", daemon.Log, StringComparison.Ordinal);
        Assert.Contains("d-ngv2", daemon.Log, StringComparison.Ordinal);
    }

    static Daemon Start(Volume volume, Emulator tpm, string template)
    {
        string config = Bench.NewFile("imahost.yaml", $"template: \"{template}\"\n");
        return Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} --config {config}");
    }

    /// <summary>
    /// By imahost in all banks, and by evmctl 1.4 in its two: it replays templates whose fields it does not know too,
    /// because digests are taken of the data as a whole.
    /// </summary>
    static void RequireVerified(Daemon daemon, Emulator tpm)
    {
        string pcrs = tpm.ReadPcrs();
        foreach (string list in (string[])[daemon.BinaryList, daemon.AsciiList, $"{daemon.AsciiList}_sha512"])
        {
            Outcome verified = Verifiers.ImaHost(list, pcrs, "--exact");
            Assert.True(verified.Status == 0, $"{verified.Errors}{verified.Output}");
        }

        foreach (string bank in (string[])["sha1", "sha256"])
        {
            Outcome verified = tpm.Verify(daemon.BinaryList, bank);
            Assert.True(verified.Status == 0, $"{bank}: {verified.Errors}{verified.Output}");
        }
    }

    /// <summary>Little-endian, as the kernel writes it.</summary>
    static string Length(string hex)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, hex.Length / 2);
        return Convert.ToHexStringLower(length);
    }
}
