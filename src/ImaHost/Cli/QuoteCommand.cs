using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary><c>imahost quote</c>: has the TPM of the running host sign what its PCRs hold.</summary>
static class QuoteCommand
{
    const int RandomNonce = 20; // what every TPM takes

    static readonly Option<string?> Nonce = CreateNonceOption("; random if it is not given");

    static readonly Option<string?> Out = new("--out") { Description = "a directory for the files of the quote" };

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    public static Command Create()
    {
        var command = new Command("quote", "Have the TPM sign what the list's PCRs hold.") { Nonce, Out, Json, State };
        command.SetAction(Run);
        return command;
    }

    /// <summary>--nonce of the commands that have one.</summary>
    public static Option<string?> CreateNonceOption(string more) => new("--nonce")
    {
        Description = $"what the quote must contain, 1 to {Quote.MostNonce} bytes in hex{more}",
    };

    /// <exception cref="ConfigurationException">It is none.</exception>
    public static byte[] ReadNonce(string hex) =>
        QuoteRequests.TryReadNonce(hex, out byte[] nonce, out string why)
            ? nonce
            : throw new ConfigurationException($"--nonce {hex}: {why}");

    /// <summary>Asks the host. That it cannot quote is an answer.</summary>
    public static ListQuote? Ask(string state, byte[] nonce)
    {
        try
        {
            return QuoteRequests.Ask(state, nonce);
        }
        catch (TpmException e)
        {
            CommandLine.Complain(e.Message);
            return null;
        }
    }

    static int Run(ParseResult parsed)
    {
        byte[] nonce = parsed.GetValue(Nonce) is { } hex ? ReadNonce(hex) : RandomNumberGenerator.GetBytes(RandomNonce);
        if (Ask(parsed.GetValue(State)!, nonce) is not { } found)
        {
            return ExitStatus.No;
        }

        string? directory = parsed.GetValue(Out);
        if (directory != null)
        {
            _ = Directory.CreateDirectory(directory);
            QuoteFiles.Write(directory, found.Quote);
        }

        var report = QuoteReport.Of(found, directory);
        Console.Write(parsed.GetValue(Json)
            ? JsonSerializer.Serialize(report, QuoteReportJson.Default.QuoteReport) + "\n"
            : report.ToText() + found.Quote.Pcrs);
        return ExitStatus.Yes;
    }
}

/// <summary>What <c>imahost quote</c> got; its JSON form is made of the same words.</summary>
/// <param name="List">The list.</param>
/// <param name="Entries">Its entries that the quote vouches for: all of that moment.</param>
/// <param name="Bytes">Those in binary.</param>
/// <param name="Nonce">Hex.</param>
/// <param name="Key">The TPM's name of the key, hex.</param>
/// <param name="KeyKind">"ecc 256" or "rsa 2048".</param>
/// <param name="Pcrs">PCRs by bank, with their values in hex.</param>
/// <param name="Out">Where the files are, or null.</param>
sealed record QuoteReport(
    string List, long Entries, long Bytes, string Nonce, string Key, string KeyKind, TpmClock Clock,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Pcrs, string? Out)
{
    public static QuoteReport Of(ListQuote found, string? directory)
    {
        Quote quote = found.Quote;
        var attest = Attest.Parse(quote.Message, QuoteFiles.Message);
        using var key = QuoteKey.Of(quote.Key, QuoteFiles.Key);
        return new QuoteReport(
            found.Path, found.Entries, found.Bytes, Convert.ToHexStringLower(attest.Nonce),
            Convert.ToHexStringLower(quote.Key.Name), key.Kind, attest.Clock, ByBank(quote.Pcrs), directory);
    }

    /// <summary>For people.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        void Line(string name, FormattableString value) =>
            text.Append(name.PadRight(11)).Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');

        Line("list", $"{Entries} entries, {Bytes} bytes of {List}");
        Line("nonce", $"{Nonce}");
        Line("key", $"{KeyKind}, {Key}");
        Line("clock", $"{Clock}");
        if (Out != null)
        {
            Line("files", $"{Out}");
        }

        return text.ToString();
    }

    static Dictionary<string, IReadOnlyDictionary<string, string>> ByBank(QuotedPcrs pcrs) => pcrs.Selection.Items
        .Zip(pcrs.Values, (item, value) => (item.Bank, item.Pcr, Value: Convert.ToHexStringLower(value.Bytes)))
        .GroupBy(one => one.Bank.Name)
        .ToDictionary(
            bank => bank.Key,
            bank => (IReadOnlyDictionary<string, string>)bank.ToDictionary(
                one => one.Pcr.ToString(CultureInfo.InvariantCulture), one => one.Value));
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(QuoteReport))]
sealed partial class QuoteReportJson : JsonSerializerContext;
