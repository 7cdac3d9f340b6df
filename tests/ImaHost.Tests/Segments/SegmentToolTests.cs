using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Segments;

/// <summary>What others make of segments: tpm2_checkquote of the quotes in manifests, evmctl of what was exported.</summary>
public sealed class SegmentToolTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];

    readonly TpmList _list = new(Banks);
    readonly TemporaryDirectory _directory = new();

    public SegmentToolTests()
    {
        _list.Settings = _list.Settings with { Limits = new SegmentLimits(5, long.MaxValue) };
        _list.Begin();
        for (int number = 0; number < 14; number++)
        {
            Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(number)));
        }

        using var quoter = new ManifestQuoter(_list.List);
        using var sealer = new ListSealer(_list.List, _list.Settings, "1.2.3", quoter.Take);
        sealer.SealAll();
        Assert.Equal(3, sealer.Count);
    }

    public void Dispose()
    {
        _directory.Dispose();
        _list.Dispose();
    }

    [Fact]
    public void Tpm2_checkquote_accepts_the_quote_of_each_manifest_by_its_digest_alone()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tpm2_checkquote"), "tpm2_checkquote (tpm2-tools) is not installed");
        for (int number = 0; number < 3; number++)
        {
            string manifest = File.ReadAllText(SegmentFiles.Manifest(_list.List.Log.Path, number));
            using var parsed = JsonDocument.Parse(manifest);
            foreach (string part in new[] { "attest", "signature", "ak" })
            {
                File.WriteAllBytes(_directory.At(part), parsed.RootElement.GetProperty("quote").GetProperty(part).GetBytesFromBase64());
            }

            string rest = manifest[..manifest.IndexOf(",\"quote\":", StringComparison.Ordinal)] + "}\n";
            string digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(rest)));
            Assert.Equal(0, CheckQuote($"000b{digest}"));
            Assert.NotEqual(0, CheckQuote(digest));
            Assert.NotEqual(0, CheckQuote($"000c{digest}"));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Evmctl_accepts_an_exported_file_and_the_segments_of_a_directory_put_together(bool isFile)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/evmctl"), "evmctl (ima-evm-utils) is not installed");
        string target = isFile ? _directory.At("target") : Directory.CreateDirectory(_directory.At("target")).FullName;
        var exporter = new SegmentExporter(_list.List.Log.Path);
        exporter.SetTarget(new ExportTarget(target, IsDirectory: !isFile, Append: false));
        Assert.Equal(3, exporter.Export());
        byte[] list = isFile
            ? File.ReadAllBytes(target)
            : [.. Directory.GetFiles(target, "*.ima", SearchOption.AllDirectories).Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes)];
        foreach (HashAlgorithm bank in Banks)
        {
            Assert.Equal(0, Evmctl(list, bank));
            Assert.NotEqual(0, Evmctl(File.ReadAllBytes(SegmentFiles.Data(_list.List.Log.Path, 0)), bank));
        }
    }

    int CheckQuote(string nonce) => Run(
        "tpm2_checkquote", "-u", _directory.At("ak"), "-m", _directory.At("attest"), "-s", _directory.At("signature"), "-q", nonce,
        "-g", "sha256");

    int Evmctl(byte[] list, HashAlgorithm bank)
    {
        File.WriteAllBytes(_directory.At("list"), list);
        File.WriteAllLines(
            _directory.At("pcrs"),
            Enumerable.Range(0, 24).Select(pcr => string.Create(
                CultureInfo.InvariantCulture, $"PCR-{pcr:d2}: {Convert.ToHexString(_list.Pcrs[bank, pcr])}")));
        return Run("evmctl", "ima_measurement", "--pcrs", $"{bank.Name},{_directory.At("pcrs")}", _directory.At("list"));
    }

    static int Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
