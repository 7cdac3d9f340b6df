using System.Diagnostics;

namespace ImaHost.Packages;

/// <summary>A program of the distribution, run without a shell.</summary>
static class Tool
{
    const int MostErrors = 300;
    static readonly string[] Places = ["/usr/bin", "/bin", "/usr/local/bin"];

    /// <summary>Is there such a program?</summary>
    public static bool IsThere(string name) => Places.Any(place => File.Exists(Path.Combine(place, name)));

    /// <summary>Runs a program and reads what it writes to its end.</summary>
    /// <param name="read">Reads its standard output; what is left of it is read too, so that the program can end.</param>
    /// <param name="input">What it reads; null: nothing.</param>
    /// <exception cref="PackageException">It is not there, or failed; or <paramref name="read"/> could not use what it wrote.</exception>
    public static T Run<T>(string name, IEnumerable<string> arguments, Func<Stream, T> read, Stream? input = null)
    {
        using Process process = Start(name, arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task feeding = Feed(process.StandardInput.BaseStream, input);
        T result = default!;
        string? unusable = null;
        try
        {
            result = read(process.StandardOutput.BaseStream);
            process.StandardOutput.BaseStream.CopyTo(Stream.Null);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException or FormatException)
        {
            unusable = e.Message;
        }

        // It must not wait for a reader who has gone.
        process.StandardOutput.Close();
        process.WaitForExit();
        string said = errors.GetAwaiter().GetResult().Trim();
        feeding.GetAwaiter().GetResult();
        string? failure = process.ExitCode != 0 && said.Length > 0 ? said.ReplaceLineEndings("; ")
            : unusable ?? (process.ExitCode != 0 ? $"it ended with status {process.ExitCode}" : null);
        return failure == null ? result : throw new PackageException($"{name}: {failure[..Math.Min(failure.Length, MostErrors)]}");
    }

    static Process Start(string name, IEnumerable<string> arguments)
    {
        string path = Places.Select(place => Path.Combine(place, name)).FirstOrDefault(File.Exists)
            ?? throw new PackageException($"{name} is not installed in {string.Join(", ", Places)}");
        var info = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment["LC_ALL"] = "C";
        return Process.Start(info)!;
    }

    static async Task Feed(Stream into, Stream? input)
    {
        try
        {
            if (input != null)
            {
                await input.CopyToAsync(into).ConfigureAwait(false);
            }

            into.Close();
        }
        catch (IOException)
        {
            // It has ended without reading all of it: its status tells why.
        }
    }
}
