using System.CommandLine;
using System.Text.Json;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary><c>imahost verify</c>: replays a list against PCR values.</summary>
static class VerifyCommand
{
    const string Published = "/run/ima/binary_runtime_measurements";

    static readonly Option<string> List = new("--list")
    {
        Description = "the list to verify, binary or ascii",
        DefaultValueFactory = _ => Published,
    };

    static readonly Option<string[]> Pcrs = new("--pcrs")
    {
        Description = "PCR values (repeatable): FILE or BANK,FILE as tpm2_pcrread, sysfs or evmctl write them;"
            + " none: those of the TPM",
    };

    static readonly Option<string?> TpmName = new("--tpm")
    {
        Description = "the TPM whose PCRs are compared, as for the daemon; none: look at the list alone"
            + " (the running host's, or else /dev/tpmrm0)",
    };

    static readonly Option<bool> Exact = new("--exact") { Description = "the PCRs must agree after the last entry" };

    static readonly Option<bool> IgnoreViolations = new("--ignore-violations")
    {
        Description = "accept a list with violation entries",
    };

    static readonly Option<string?> Evidence = new("--evidence")
    {
        Description = "a directory that `imahost evidence` wrote, to be verified in place of list and PCRs",
    };

    static readonly Option<string?> Key = new("--ak")
    {
        Description = "the key that its quote must be signed with: ak.pub or ak.pem, got when that TPM was trusted",
    };

    static readonly Option<string?> Base = new("--base")
    {
        Description = "the manifest of a segment that you trust, with all before its end: evidence is verified from there on",
    };

    static readonly Option<string?> Nonce = QuoteCommand.CreateNonceOption(", with --evidence");

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    public static Command Create()
    {
        var command = new Command("verify", "Replay a measurement list against PCR values.")
        {
            List, Pcrs, TpmName, Exact, IgnoreViolations, Evidence, Key, Nonce, Base, Json, State,
        };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed) => parsed.GetValue(Evidence) is { } directory
        ? RunEvidence(directory, parsed)
        : RunList(parsed);

    static int RunEvidence(string directory, ParseResult parsed)
    {
        if (parsed.GetValue(Pcrs) is { Length: > 0 } || parsed.GetValue(TpmName) != null)
        {
            throw new ConfigurationException("evidence has PCR values of its own: leave out --pcrs and --tpm");
        }

        string path = parsed.GetValue(Key) ?? throw new ConfigurationException("--evidence needs --ak, the key that you trust");
        byte[] nonce = QuoteCommand.ReadNonce(parsed.GetValue(Nonce)
            ?? throw new ConfigurationException("--evidence needs --nonce, what you asked with: without it, it may be old"));
        using var key = QuoteKey.Read(File.ReadAllBytes(path), path);
        TrustedBase? known = parsed.GetValue(Base) is { } file ? TrustedBase.Read(file) : null;
        var verifier = new EvidenceVerifier(directory, key, nonce, known);
        verifier.Run(parsed.GetValue(IgnoreViolations));
        var report = EvidenceReport.Make(directory, verifier);
        Console.Write(parsed.GetValue(Json)
            ? JsonSerializer.Serialize(report, EvidenceJson.Default.EvidenceReport) + "\n"
            : report.ToText());
        return report.Verified ? ExitStatus.Yes : ExitStatus.No;
    }

    static int RunList(ParseResult parsed)
    {
        if ((parsed.GetValue(Key) ?? parsed.GetValue(Nonce) ?? parsed.GetValue(Base)) != null)
        {
            throw new ConfigurationException("--ak, --nonce and --base go with --evidence");
        }

        using PcrValueSet held = PcrValueSet.Open(
            parsed.GetValue(Pcrs) ?? [], parsed.GetValue(TpmName), parsed.GetValue(State)!);
        using var digests = new DigestSet();
        using var file = new ListFile(parsed.GetValue(List)!);
        var verifier = new ListVerifier(file, held.Source, held.Banks, digests);
        verifier.Run();
        int? missing = verifier.Search.Banks.SelectMany(bank => bank.Missing).Cast<int?>().FirstOrDefault();
        if (missing != null)
        {
            CommandLine.Complain($"{file.Path} extends PCR {missing}, of which {held.Name} has no value in every bank");
            return ExitStatus.Usage;
        }

        var report = VerifyReport.Make(
            verifier, file, held.Name, parsed.GetValue(Exact), parsed.GetValue(IgnoreViolations));
        Console.Write(parsed.GetValue(Json)
            ? JsonSerializer.Serialize(report, VerifyJson.Default.VerifyReport) + "\n"
            : report.ToText());
        return report.Verified ? ExitStatus.Yes : ExitStatus.No;
    }
}

/// <summary>The PCR values that a list is compared with, wherever they come from.</summary>
sealed class PcrValueSet : IDisposable
{
    const string Device = "/dev/tpmrm0";
    const string None = "none";
    const int TimeoutMilliseconds = 10_000;

    readonly TpmCommands? _tpm;

    PcrValueSet(string name, IReadOnlyList<HashAlgorithm> banks, PcrSource source, TpmCommands? tpm)
    {
        Name = name;
        Banks = banks;
        Source = source;
        _tpm = tpm;
    }

    public string Name { get; }

    public IReadOnlyList<HashAlgorithm> Banks { get; }

    public PcrSource Source { get; }

    /// <param name="files">As <see cref="PcrValueReader"/> takes them; without any, a TPM.</param>
    /// <param name="tpm">Its name, "none", or null: the one that the host uses.</param>
    /// <param name="state">The state directory of that host.</param>
    /// <exception cref="ConfigurationException">There is no such TPM.</exception>
    /// <exception cref="PcrFormatException">A file is not understood.</exception>
    public static PcrValueSet Open(string[] files, string? tpm, string state)
    {
        if (files.Length > 0)
        {
            var values = new PcrValues();
            foreach (string file in files)
            {
                PcrValueReader.Read(file, values);
            }

            return new PcrValueSet(string.Join(", ", files), values.Banks, values.TryGet, null);
        }

        string name = tpm ?? Find(state);
        TpmCommands? commands = Tpms.Open(name, TimeoutMilliseconds);
        if (commands == null)
        {
            return new PcrValueSet(None, [], new PcrValues().TryGet, null);
        }

        List<HashAlgorithm> banks = commands.ReadBanks();
        return new PcrValueSet(name, banks, new LivePcrs(commands, banks).TryGet, commands);
    }

    public void Dispose() => _tpm?.Dispose();

    static string Find(string state)
    {
        try
        {
            return JsonSerializer.Deserialize(ControlSocket.Ask(state, "status"), StatusJson.Default.StatusReport)!.Tpm.Name;
        }
        catch (System.Net.Sockets.SocketException) when (File.Exists(Device))
        {
            return $"device:{Device}";
        }
        catch (System.Net.Sockets.SocketException)
        {
            throw new ConfigurationException(
                $"no host answers in {state} and there is no {Device}: give --pcrs FILE, --tpm T, or --tpm none to look"
                + " at the list alone");
        }
    }
}
