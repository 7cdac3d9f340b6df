using System.Diagnostics;
using System.Globalization;

namespace ImaHost.InteropTests.Support;

/// <summary>
/// A process of one thread that opens, maps and closes files as it is told. The test itself has many threads, so that
/// nobody could tell how it opens a file.
/// </summary>
public sealed class Actor : IDisposable
{
    const int MostSeconds = 15;
    const string Program =
        """
        import mmap, os, sys, time
        maps = []
        for line in sys.stdin:
            begun = time.monotonic()
            try:
                outcome = eval(line)
            except OSError as e:
                outcome = e.strerror
            print(int((time.monotonic() - begun) * 1000), outcome, flush=True)
        """;

    readonly Process _process;

    /// <param name="user">The user id it has.</param>
    public Actor(int user = 0)
    {
        string id = user.ToString(CultureInfo.InvariantCulture);
        var info = new ProcessStartInfo(
            "setpriv", [$"--reuid={id}", "--clear-groups", "/usr/bin/python3", "-c", Program])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        _process = Process.Start(info)!;
        Assert.Equal("ready", Ask("'ready'"));
    }

    /// <summary>Milliseconds that the last order took.</summary>
    public int Took { get; private set; }

    public int Pid => _process.Id;

    /// <returns>The descriptor.</returns>
    public int Open(string path, string flags) => Number(Ask($"os.open({Quote(path)}, {flags})"));

    public int OpenToRead(string path) => Open(path, "os.O_RDONLY");

    public int OpenToWrite(string path) => Open(path, "os.O_WRONLY");

    public void Close(int descriptor) => Assert.Equal("None", Ask($"os.close({descriptor})"));

    /// <summary>Maps a whole file and keeps the mapping.</summary>
    /// <param name="how">flags and prot.</param>
    public void Map(int descriptor, string how) =>
        Assert.Equal("None", Ask(
            $"maps.append(mmap.mmap({descriptor}, 0, {how})) or os.close({descriptor})"));

    /// <returns>What an expression gives, or the words of its error.</returns>
    public string Ask(string expression)
    {
        _process.StandardInput.WriteLine(expression);
        _process.StandardInput.Flush();
        Task<string?> answer = _process.StandardOutput.ReadLineAsync();
        Assert.True(answer.Wait(TimeSpan.FromSeconds(MostSeconds)), $"{expression} hangs");
        string[] words = (answer.Result ?? "0 it ended").Split(' ', 2);
        Took = int.Parse(words[0], CultureInfo.InvariantCulture);
        return words[1];
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    static string Quote(string path) => $"'{path}'";

    static int Number(string answer)
    {
        Assert.True(int.TryParse(answer, NumberStyles.None, CultureInfo.InvariantCulture, out int number), answer);
        return number;
    }
}
