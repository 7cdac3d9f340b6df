using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Interop;
using ImaHost.Measurement;

namespace ImaHost.Cli;

/// <summary><c>imahost measure</c>: enters a buffer in the list of the running host.</summary>
static class MeasureCommand
{
    const string StandardInput = "-";
    const int ReadSize = 256 * 1024;

    static readonly Argument<string?> Source = new("file")
    {
        Description = "the file that holds the bytes; - is standard input",
        Arity = ArgumentArity.ZeroOrOne,
    };

    static readonly Option<string> Name = new("--name") { Description = "the entry's name", Required = true };

    static readonly Option<string?> Template = new("--template") { Description = "the entry's template (ima-buf)" };

    static readonly Option<string?> Kernel = new("--kernel")
    {
        Description = "instead of a file: kernel memory at 0xADDRESS, SYMBOL or SYMBOL+0xOFFSET, read from /proc/kcore",
    };

    static readonly Option<int> Length = new("--length") { Description = "bytes of kernel memory" };

    static readonly Option<bool> Digest = new("--digest")
    {
        Description = "enter the SHA-256 of the bytes in their place, as for what is too large",
    };

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    public static Command Create()
    {
        var command = new Command("measure", "Enter a buffer in the measurement list.")
        {
            Source, Name, Template, Kernel, Length, Digest, Json, State,
        };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        string? source = parsed.GetValue(Source);
        string? kernel = parsed.GetValue(Kernel);
        string name = parsed.GetValue(Name)!;
        if ((source == null) == (kernel == null))
        {
            CommandLine.Complain("give either a file (- for standard input), or --kernel PLACE with --length BYTES");
            return ExitStatus.Usage;
        }

        if (name.Contains('\n', StringComparison.Ordinal))
        {
            CommandLine.Complain("--name is one line");
            return ExitStatus.Usage;
        }

        bool digest = parsed.GetValue(Digest);
        byte[] data = kernel == null
            ? ReadFile(source!, digest)
            : ReadKernel(kernel, parsed.GetValue(Length), digest);
        string answer = ControlSocket.MustAsk(
            parsed.GetValue(State)!, $"measure {parsed.GetValue(Template) ?? "-"} {name}", data).TrimEnd('\n');
        return Report(name, data, answer, parsed.GetValue(Json));
    }

    static int Report(string name, byte[] data, string answer, bool json)
    {
        const string error = "error: ";
        if (answer is not ("stored" or "there"))
        {
            CommandLine.Complain(answer.StartsWith(error, StringComparison.Ordinal) ? answer[error.Length..] : answer);
            return ExitStatus.No;
        }

        var result = new MeasureResult(name, data.Length, answer == "stored");
        Console.WriteLine(json
            ? System.Text.Json.JsonSerializer.Serialize(result, MeasureJson.Default.MeasureResult)
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: {data.Length} bytes, {(result.Stored ? "entered" : "stands in the list already")}"));
        return ExitStatus.Yes;
    }

    static byte[] ReadFile(string path, bool digest)
    {
        if (Directory.Exists(path))
        {
            throw new IOException($"{path} is a directory: give a file");
        }

        using Stream input = path == StandardInput ? Console.OpenStandardInput() : File.OpenRead(path);
        return digest ? Hash(input) : ReadWhole(path, input);
    }

    /// <summary>It may have no end.</summary>
    static byte[] ReadWhole(string path, Stream input)
    {
        byte[] data = new byte[BufferRequests.MostBytes + 1];
        int got = input.ReadAtLeast(data, data.Length, throwOnEndOfStream: false);
        return got < data.Length
            ? data[..got]
            : throw new IOException(string.Create(
                CultureInfo.InvariantCulture,
                $"{path} has more than {BufferRequests.MostBytes} bytes, the most that is entered: give --digest"));
    }

    static byte[] ReadKernel(string place, int length, bool digest)
    {
        KernelRange range = KernelRange.Parse(place, length);
        using var memory = new KernelMemory();
        byte[] data = memory.Read(range.Address, range.Length);
        return digest ? Hash(new MemoryStream(data)) : data;
    }

    static byte[] Hash(Stream input)
    {
        using var digests = new DigestSet();
        EvpDigest context = digests[HashAlgorithm.Sha256];
        context.Reset();
        byte[] buffer = new byte[ReadSize];
        for (int got; (got = input.Read(buffer)) > 0;)
        {
            context.Update(buffer.AsSpan(0, got));
        }

        byte[] digest = new byte[HashAlgorithm.Sha256.Size];
        context.Finish(digest);
        return digest;
    }
}

/// <summary>The outcome of <c>imahost measure --json</c>.</summary>
/// <param name="Stored">It is new; else the same entry stood there.</param>
sealed record MeasureResult(string Name, int Bytes, bool Stored);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MeasureResult))]
sealed partial class MeasureJson : JsonSerializerContext;
