using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// A kernel with an IMA of its own has extended PCR 10 before anybody else runs. Its files are played by files in a
/// tmpfs where securityfs would be, which only this run sees.
/// </summary>
public sealed class KernelListTests : IDisposable
{
    const string Security = "/sys/kernel/security";
    static readonly string[] Banks = ["sha1", "sha256", "sha384", "sha512"];
    static readonly Lazy<byte[]> BootAggregate = new(ReadBootAggregate);

    readonly Emulator _tpm = new();
    readonly Volume _volume = new();

    public KernelListTests() => Shell.Must("mount", "-t", "tmpfs", "imahost-kernel", Security);

    static string Published => Path.Combine(Security, "integrity/ima");

    public void Dispose()
    {
        _volume.Dispose();
        _tpm.Dispose();
        Shell.Must("umount", Security);
    }

    [Fact]
    public void List_of_a_kernel_that_only_booted_begins_ours_and_goes_on_after_a_restart()
    {
        Publish(BootAggregate.Value);
        ExtendAsKernel(BootAggregate.Value);
        string program = _volume.AddProgram("program");
        string state = Bench.NewDirectory("state");
        using (Daemon daemon = Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport}", state: state))
        {
            Assert.Equal(0, Shell.Script(program).Status);

            byte[] list = File.ReadAllBytes(daemon.BinaryList);
            Assert.Equal(BootAggregate.Value, list[..BootAggregate.Value.Length]);
            RequireVerified(daemon, program, starts: 1);
            Assert.Equal(0, daemon.Stop());
        }

        using Daemon next = Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport}", state: state);
        string other = _volume.AddProgram("other");
        Assert.Equal(0, Shell.Script(other).Status);
        Assert.Single(next.Entries(program));
        RequireVerified(next, other, starts: 2);
        Assert.Equal(0, next.Status().GetProperty("faults").GetArrayLength());
    }

    [Theory]
    [InlineData("measure func=BPRM_CHECK mask=MAY_EXEC\n")]
    [InlineData("dont_measure fsmagic=0x9fa0\n\tmeasure func=MODULE_CHECK\n")]
    public void Kernel_whose_policy_measures_is_not_shared_with_but_another_PCR_is_free(string policy)
    {
        Publish(BootAggregate.Value, policy);
        ExtendAsKernel(BootAggregate.Value);
        string state = Bench.NewDirectory("state");
        RequireRefused(
            state, $"by the kernel's own IMA (1 entries in {Published}/binary_runtime_measurements)",
            "two cannot share a PCR", "Configure another PCR, such as 14, which is blank (pcr: 14 in imahost.yaml)");

        string config = Bench.NewFile("imahost.yaml", "pcr: 11\n");
        using Daemon daemon = Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport} --config {config}", state: state);
        string program = _volume.AddProgram("program");
        Assert.Equal(0, Shell.Script(program).Status);
        Assert.StartsWith("11 ", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
        Assert.Equal(0, Verifiers.ImaHost(daemon.BinaryList, _tpm.ReadPcrs(), "--exact").Status);
        Assert.Equal(0, _tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void Kernel_whose_policy_does_not_measure_is_adopted()
    {
        Publish(BootAggregate.Value, "dont_measure fsmagic=0x9fa0\nappraise fowner=0\n");
        ExtendAsKernel(BootAggregate.Value);
        using Daemon daemon = Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport}");
        string program = _volume.AddProgram("program");
        Assert.Equal(0, Shell.Script(program).Status);
        RequireVerified(daemon, program, starts: 1);
    }

    [Fact]
    public void Kernel_that_hides_its_policy_is_taken_to_measure_when_it_has_more_than_a_boot_aggregate()
    {
        byte[] second = [.. BootAggregate.Value];
        second.AsSpan().Replace((byte)'b', (byte)'c');
        Publish([.. BootAggregate.Value, .. second]);
        ExtendAsKernel(BootAggregate.Value);
        RequireRefused(Bench.NewDirectory("state"), "2 entries in", "whose policy goes on measuring");
    }

    [Fact]
    public void PCR_that_somebody_else_extended_besides_the_kernel_is_refused()
    {
        Publish(BootAggregate.Value);
        ExtendAsKernel(BootAggregate.Value);
        _tpm.Extend(10, $"sha256={new string('a', 64)}");
        string state = Bench.NewDirectory("state");

        RequireRefused(
            state, "1 entries) does not explain it: something else uses it too", "Configure another PCR, such as 14");

        // What was looked at is not kept, and looking again changes nothing.
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(state, "lists")));
        RequireRefused(state, "something else uses it too");
    }

    /// <summary>One has no template name, the other no data: what follows is no record.</summary>
    [Theory]
    [InlineData(24)]
    [InlineData(35)]
    public void List_of_a_kernel_that_is_damaged_is_refused_and_not_kept(int zeroed)
    {
        Publish(BootAggregate.Value);
        ExtendAsKernel(BootAggregate.Value);
        byte[] damaged = [.. BootAggregate.Value];
        damaged.AsSpan(zeroed, 4).Clear();
        string list = Path.Combine(Published, "binary_runtime_measurements");
        File.WriteAllBytes(list, damaged);
        string state = Bench.NewDirectory("state");

        RequireRefused(state, $"the kernel's list ({list}) is damaged: entry ");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(state, "lists")));
    }

    [Fact]
    public void Copy_of_a_kernels_list_that_a_crash_left_is_overwritten()
    {
        Publish(BootAggregate.Value);
        ExtendAsKernel(BootAggregate.Value);
        string state = Bench.NewDirectory("state");
        string boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        Directory.CreateDirectory(Path.Combine(state, "lists"));
        File.WriteAllBytes(Path.Combine(state, "lists", $"{boot}.new"), new byte[10000]);

        using Daemon daemon = Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport}", state: state);

        Assert.Equal([boot], Directory.GetFileSystemEntries(Path.Combine(state, "lists")).Select(Path.GetFileName));
        RequireVerified(daemon, "imahost-start", starts: 1);
    }

    [Fact]
    public void PCR_that_is_extended_without_any_list_is_refused()
    {
        ExtendAsKernel(BootAggregate.Value);
        RequireRefused(
            Bench.NewDirectory("state"), "was extended before, and no list here explains it: something else uses it",
            "Configure another PCR, such as 14");
    }

    [Fact]
    public void Blank_TPM_gets_a_list_of_its_own_whatever_the_kernel_shows()
    {
        // As with an emulated TPM: the kernel's list belongs to another.
        Publish(BootAggregate.Value, "measure func=BPRM_CHECK\n");
        using Daemon daemon = Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport}");
        string program = _volume.AddProgram("program");
        Assert.Equal(0, Shell.Script(program).Status);
        RequireVerified(daemon, program, starts: 1, padded: false);
    }

    static byte[] ReadBootAggregate()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        byte[] list = File.ReadAllBytes(daemon.BinaryList);
        return list[..Replay.Walk(list)[1]];
    }

    static void Publish(byte[] list, string? policy = null)
    {
        Directory.CreateDirectory(Published);
        File.WriteAllBytes(Path.Combine(Published, "binary_runtime_measurements"), list);
        File.WriteAllText(Path.Combine(Published, "runtime_measurements_count"), $"{Replay.Walk(list).Count}\n");
        if (policy != null)
        {
            File.WriteAllText(Path.Combine(Published, "policy"), policy);
        }
    }

    /// <summary>As one that has sha1 and sha256, and extends SHA-1 padded with zeros in the other banks.</summary>
    void ExtendAsKernel(byte[] list)
    {
        ListRecord record = Replay.Read(list)[0];
        string sha1 = Convert.ToHexStringLower(record.Digest);
        string sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(record.Data));
        _tpm.Extend(
            10, $"sha1={sha1}", $"sha256={sha256}", $"sha384={sha1.PadRight(96, '0')}",
            $"sha512={sha1.PadRight(128, '0')}");
    }

    void RequireRefused(string state, params string[] said)
    {
        string before = _tpm.ReadPcr("sha256", 10);
        using var daemon = new Daemon(_volume.Path, $"--tpm {_tpm.Transport}", state: state);
        Assert.Equal(2, daemon.AwaitFailure());
        Assert.All(said, words => Assert.Contains(words, daemon.Log, StringComparison.Ordinal));
        Assert.Equal(before, _tpm.ReadPcr("sha256", 10));
    }

    void RequireVerified(Daemon daemon, string program, int starts, bool padded = true)
    {
        string[] lines = File.ReadAllLines(daemon.AsciiList);
        Assert.Single(lines, line => line.Contains(" boot_aggregate ", StringComparison.Ordinal));
        Assert.Equal(starts, lines.Count(line => line.Contains(" imahost-start ", StringComparison.Ordinal)));
        Assert.Single(daemon.Entries(program));
        Outcome verified = Verifiers.ImaHost(daemon.BinaryList, _tpm.ReadPcrs(), "--exact");
        Assert.True(verified.Status == 0, verified.Output);
        foreach (string bank in Banks)
        {
            string line = $"{bank,-11}agrees after {lines.Length} entries (PCR 10)";
            bool isPadded = padded && (bank is "sha384" or "sha512");
            string form = isPadded ? ", extended as SHA-1 padded with zeros" : "";
            Assert.Contains($"{line}{form}\n", verified.Output, StringComparison.Ordinal);
        }

        Assert.Equal(0, _tpm.Verify(daemon.BinaryList, "sha1").Status);
        Assert.Equal(0, _tpm.Verify(daemon.BinaryList, "sha256").Status);
    }
}
