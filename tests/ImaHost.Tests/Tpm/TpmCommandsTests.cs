using ImaHost.Crypto;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Tpm;

/// <summary>Commands against responses as the specification has them; a real TPM's are tested elsewhere.</summary>
public sealed class TpmCommandsTests
{
    const uint Startup = 0x144;

    [Fact]
    public void Extend_sends_the_bytes_that_the_specification_asks_for()
    {
        byte[] sent = [];
        using var tpm = new ScriptedTpm(command =>
        {
            sent = command;
            return ScriptedTpm.Response(0);
        });
        using var commands = new TpmCommands(tpm.Name, 2000);
        commands.Extend(10, [Digest.Zero(HashAlgorithm.Sha1), Digest.Zero(HashAlgorithm.Sha256)]);
        byte[] expected =
        [
            0x80, 0x02, 0, 0, 0, 0x57, 0, 0, 1, 0x82, 0, 0, 0, 10, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0,
            0, 0, 0, 2, 0, 4, .. new byte[20], 0, 0x0b, .. new byte[32],
        ];
        Assert.Equal(expected, sent);
    }

    [Fact]
    public void ReadPcr_selects_one_PCR_and_takes_its_value()
    {
        byte[] value = [.. Enumerable.Range(1, 32).Select(number => (byte)number)];
        byte[] selection = [0, 0, 0, 1, 0, 0x0b, 3, 0, 0, 0x80];
        byte[] sent = [];
        using var tpm = new ScriptedTpm(command =>
        {
            sent = command;
            return ScriptedTpm.Response(0, [0, 0, 0, 7, .. selection, 0, 0, 0, 1, 0, 32, .. value]);
        });
        using var commands = new TpmCommands(tpm.Name, 2000);
        Assert.Equal(value, commands.ReadPcr(HashAlgorithm.Sha256, 23).Bytes);
        byte[] expected = [0x80, 0x01, 0, 0, 0, 0x14, 0, 0, 1, 0x7e, .. selection];
        Assert.Equal(expected, sent);
    }

    [Fact]
    public void ReadPcr_names_the_bank_that_the_TPM_does_not_have()
    {
        using var tpm = new ScriptedTpm(_ => ScriptedTpm.Response(0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0));
        using var commands = new TpmCommands(tpm.Name, 2000);
        TpmException refused = Assert.Throws<TpmException>(() => commands.ReadPcr(HashAlgorithm.Sha384, 10));
        Assert.Equal("the TPM has no PCR 10 in its sha384 bank", refused.Message);
    }

    /// <summary>A list may name any: its PCRs are asked for when it is compared.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(24)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void ReadPcr_does_not_ask_for_a_PCR_that_no_TPM_has(int pcr)
    {
        bool asked = false;
        using var tpm = new ScriptedTpm(_ =>
        {
            asked = true;
            return ScriptedTpm.Response(0);
        });
        using var commands = new TpmCommands(tpm.Name, 2000);
        TpmException refused = Assert.Throws<TpmException>(() => commands.ReadPcr(HashAlgorithm.Sha256, pcr));
        Assert.False(asked);
        Assert.Equal($"the TPM has no PCR {pcr} in its sha256 bank", refused.Message);
    }

    [Fact]
    public void ReadBanks_gives_the_allocated_banks_that_are_known()
    {
        using var tpm = new ScriptedTpm(_ => ScriptedTpm.Response(
            0, 0, 0, 0, 0, 5, 0, 0, 0, 4, 0, 4, 3, 0, 0, 0, 0, 0x0b, 3, 0xff, 0xff, 0xff, 0x7f, 0xff, 3, 0xff, 0xff, 0xff,
            0, 0x0c, 3, 0, 4, 0));
        using var commands = new TpmCommands(tpm.Name, 2000);
        Assert.Equal([HashAlgorithm.Sha256, HashAlgorithm.Sha384], commands.ReadBanks());
    }

    [Fact]
    public void Commands_start_a_TPM_up_that_asks_for_it()
    {
        bool started = false;
        using var tpm = new ScriptedTpm(command =>
        {
            started |= ScriptedTpm.CodeOf(command) == Startup;
            return ScriptedTpm.Response(started ? 0 : 0x100u);
        });
        using var commands = new TpmCommands(tpm.Name, 2000);
        commands.Extend(10, [Digest.Zero(HashAlgorithm.Sha1)]);
        Assert.True(started);
    }

    [Fact]
    public void Command_that_the_TPM_did_not_start_is_sent_again_a_few_times()
    {
        int refusals = 2;
        int sent = 0;
        using var tpm = new ScriptedTpm(_ =>
        {
            sent++;
            return ScriptedTpm.Response(refusals-- > 0 ? 0x922u : 0);
        });
        using var commands = new TpmCommands(tpm.Name, 2000);
        commands.Extend(10, [Digest.Zero(HashAlgorithm.Sha1)]);
        Assert.Equal(3, sent);

        refusals = int.MaxValue;
        sent = 0;
        TpmException refused = Assert.Throws<TpmException>(() => commands.Extend(10, [Digest.Zero(HashAlgorithm.Sha1)]));
        Assert.Equal(0x922u, refused.Code);
        Assert.Equal(4, sent);
    }

    [Theory]
    [InlineData(0x907u, "the TPM refused TPM2_PCR_Extend: TPM_RC_LOCALITY (0x907): this PCR cannot be extended from here")]
    [InlineData(0x1c4u, "the TPM refused TPM2_PCR_Extend: response code 0x1c4")]
    public void Commands_name_what_the_TPM_refused_and_why(uint code, string message)
    {
        using var tpm = new ScriptedTpm(_ => ScriptedTpm.Response(code));
        using var commands = new TpmCommands(tpm.Name, 2000);
        TpmException refused = Assert.Throws<TpmException>(() => commands.Extend(17, [Digest.Zero(HashAlgorithm.Sha1)]));
        Assert.Equal(message, refused.Message);
        Assert.Equal(code, refused.Code);
    }

    [Fact]
    public void Responses_cut_off_anywhere_are_refused_and_no_more()
    {
        byte[] selection = [0, 0, 0, 1, 0, 0x0b, 3, 0, 4, 0];
        byte[] body = [0, 0, 0, 7, .. selection, 0, 0, 0, 1, 0, 32, .. new byte[32]];
        int length = 0;
        using var tpm = new ScriptedTpm(_ => ScriptedTpm.Response(0, body[..length]));
        using var commands = new TpmCommands(tpm.Name, 2000);
        for (; length < body.Length; length++)
        {
            Assert.Throws<TpmException>(() => commands.ReadPcr(HashAlgorithm.Sha256, 10));
        }

        Assert.Equal(new byte[32], commands.ReadPcr(HashAlgorithm.Sha256, 10).Bytes);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(100_000)]
    [InlineData(-1)]
    public void Responses_of_an_impossible_size_are_refused(int size)
    {
        byte[] response = ScriptedTpm.Response(0);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(response.AsSpan(2), size);
        using var tpm = new ScriptedTpm(_ => response);
        using var commands = new TpmCommands(tpm.Name, 2000);
        IOException refused = Assert.ThrowsAny<IOException>(() => commands.ReadPcr(HashAlgorithm.Sha256, 10));
        Assert.EndsWith($"a response of {size} bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_TPM_that_does_not_answer_is_not_waited_for_longer_than_told()
    {
        using var answer = new ManualResetEventSlim();
        using var tpm = new ScriptedTpm(_ =>
        {
            answer.Wait();
            return ScriptedTpm.Response(0);
        });
        using var commands = new TpmCommands(tpm.Name, 50);
        TimeoutException late = Assert.Throws<TimeoutException>(() => commands.ReadPcr(HashAlgorithm.Sha256, 10));
        Assert.EndsWith("did not answer within 50 ms", late.Message, StringComparison.Ordinal);
        answer.Set();
    }
}
