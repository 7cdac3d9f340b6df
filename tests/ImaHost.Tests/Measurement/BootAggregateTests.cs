using System.Numerics;
using ImaHost.Crypto;
using ImaHost.Measurement;
using ImaHost.Template;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Measurement;

public sealed class BootAggregateTests
{
    [Theory]
    [InlineData("ima-ng-sha1", "sha1", "sha1 sha256 sha384 sha512")]
    [InlineData("ima-ng-sha256", "sha256", "sha1 sha256 sha384 sha512")]
    [InlineData("boot-aggregate-sha1", "sha256", "sha1")]
    [InlineData("boot-aggregate-sha256", "sha1", "sha256")]
    public void Compute_gives_the_digest_of_the_kernels_first_entry(string name, string imaHash, string banks)
    {
        KernelVector vector = KernelVector.Open(name);
        using var tpm = new ScriptedTpm(command => AnswerPcrRead(vector, command));
        using var commands = new TpmCommands(tpm.Name, 2000);
        using var digests = new DigestSet();
        HashAlgorithm[] allocated = [.. banks.Split(' ').Select(bank => HashAlgorithm.FromName(bank)!)];
        Digest digest = BootAggregate.Compute(
            new LivePcrs(commands, allocated).TryGet, allocated, HashAlgorithm.FromName(imaHash)!, digests);
        Assert.Equal(FirstDigest(vector), digest.ToString());
    }

    [Fact]
    public void Compute_gives_zeros_in_the_configured_algorithm_without_a_TPM()
    {
        using var digests = new DigestSet();
        Assert.Equal(
            $"sha384:{new string('0', 96)}",
            BootAggregate.Compute(null, [], HashAlgorithm.Sha384, digests).ToString());
    }

    static string FirstDigest(KernelVector vector)
    {
        Assert.True(vector.Reader().Next(out MeasurementRecord record));
        ReadOnlySpan<byte> data = record.Data;
        var text = new ByteBuilder();
        TemplateField.DigestNg.Show(record.Template.TakeField(TemplateField.DigestNg, ref data), text);
        return System.Text.Encoding.ASCII.GetString(text.Written);
    }

    /// <summary>TPM2_PCR_Read of one PCR, from what the vector says the TPM held.</summary>
    static byte[] AnswerPcrRead(KernelVector vector, byte[] command)
    {
        byte[] selection = command[10..20];
        HashAlgorithm bank = HashAlgorithm.FromTpmId((ushort)((selection[4] << 8) | selection[5]))!;
        int pcr = BitOperations.TrailingZeroCount(selection[7] | (selection[8] << 8) | (selection[9] << 16));
        byte[] value = vector.PcrBefore(bank.Name, pcr)!;
        return ScriptedTpm.Response(0, [0, 0, 0, 1, .. selection, 0, 0, 0, 1, 0, (byte)value.Length, .. value]);
    }
}
