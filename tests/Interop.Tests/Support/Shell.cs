using System.Diagnostics;

namespace ImaHost.InteropTests.Support;

/// <summary>What a command did.</summary>
public sealed record Outcome(int Status, string Output, string Errors);

/// <summary>A command under way.</summary>
public sealed class Running : IDisposable
{
    readonly Process _process;
    readonly Task<string> _output;
    readonly Task<string> _errors;

    public Running(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Writes its whole standard input.</summary>
    public void Feed(string input)
    {
        _process.StandardInput.Write(input);
        _process.StandardInput.Close();
    }

    /// <summary>Waits for the end, or fails the test.</summary>
    public Outcome Wait(int seconds = 20)
    {
        if (!_process.WaitForExit(TimeSpan.FromSeconds(seconds)))
        {
            _process.Kill();
            Assert.Fail($"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)} hangs");
        }

        return new Outcome(_process.ExitCode, _output.GetAwaiter().GetResult(), _errors.GetAwaiter().GetResult());
    }

    public void Dispose() => _process.Dispose();
}

/// <summary>Runs commands.</summary>
public static class Shell
{
    public static Running Start(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        return new Running(Process.Start(info)!);
    }

    /// <summary>
    /// By way of a shell: starting a process holds a lock in the runtime until its exec is over, so an exec that is
    /// held must not be one of ours.
    /// </summary>
    public static Running StartScript(string script) => Start("/bin/sh", "-c", script);

    public static Outcome Script(string script, int seconds = 20)
    {
        using Running running = StartScript(script);
        return running.Wait(seconds);
    }

    /// <summary>Writes the input to the standard input of a command, which is a pipe.</summary>
    public static Outcome Feed(string input, string program, params string[] arguments)
    {
        using Running running = Start(program, arguments);
        running.Feed(input);
        return running.Wait();
    }

    public static Outcome Run(string program, params string[] arguments)
    {
        using Running running = Start(program, arguments);
        return running.Wait();
    }

    /// <summary>Runs a command that must succeed.</summary>
    public static string Must(string program, params string[] arguments)
    {
        Outcome outcome = Run(program, arguments);
        Assert.True(outcome.Status == 0, $"{program} {string.Join(' ', arguments)}: {outcome.Errors}{outcome.Output}");
        return outcome.Output;
    }

    public static void Signal(string signal, int pid) => Must("kill", $"-{signal}", $"{pid}");

    /// <summary>Waits until something holds, or fails the test.</summary>
    public static void Until(Func<bool> condition, string what, int seconds = 10)
    {
        long end = Environment.TickCount64 + (seconds * 1000);
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < end, $"not within {seconds} s: {what}");
            Thread.Sleep(10);
        }
    }
}
