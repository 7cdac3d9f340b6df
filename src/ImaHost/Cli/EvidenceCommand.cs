using System.CommandLine;
using System.Globalization;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary><c>imahost evidence</c>: a quote and the list it vouches for, for somebody who asked with a nonce.</summary>
static class EvidenceCommand
{
    static readonly Option<string?> Nonce = CreateRequiredNonce();

    static readonly Option<string> Out = new("--out") { Description = "a new directory for the files", Required = true };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    public static Command Create()
    {
        var command = new Command("evidence", "Write a quote and the list that it vouches for.") { Nonce, Out, State };
        command.SetAction(Run);
        return command;
    }

    static Option<string?> CreateRequiredNonce()
    {
        Option<string?> nonce = QuoteCommand.CreateNonceOption(": that of whoever wants the evidence");
        nonce.Required = true;
        return nonce;
    }

    static int Run(ParseResult parsed)
    {
        byte[] nonce = QuoteCommand.ReadNonce(parsed.GetValue(Nonce)!);
        string directory = parsed.GetValue(Out)!;
        string state = parsed.GetValue(State)!;
        if (Path.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any())
        {
            throw new ConfigurationException($"{directory} is not empty: evidence goes into a directory of its own");
        }

        if (QuoteCommand.Ask(state, nonce) is not { } found)
        {
            return ExitStatus.No;
        }

        _ = Directory.CreateDirectory(directory);
        QuoteFiles.Write(directory, found.Quote);
        EvidencePlace place = EvidenceFiles.WriteList(directory, found);
        int manifests = EvidenceFiles.CopyManifests(directory, found.Path, found.Bytes);
        string also = manifests > 0 ? string.Create(CultureInfo.InvariantCulture, $", {manifests} manifests of segments") : "";
        string erased = place.FirstEntry == 0 ? "" : string.Create(
            CultureInfo.InvariantCulture,
            $"; those before entry {place.FirstEntry} are erased: who verifies it needs a manifest that he trusts (--base)");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{directory}: a quote, and the {place.Entries} entries that it vouches for{also}{erased}"));
        return ExitStatus.Yes;
    }
}
