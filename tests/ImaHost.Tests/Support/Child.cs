using System.Diagnostics;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>A process that ends with its test.</summary>
sealed class Child : IDisposable
{
    const int PatienceMilliseconds = 10_000;

    readonly Process _process;

    Child(Process process) => _process = process;

    public int Pid => _process.Id;

    /// <summary>Its program is running when this returns, not the one that started it.</summary>
    /// <param name="name">Of the task it becomes at last; null: that of the program.</param>
    public static Child Start(string program, string[] arguments, string? name = null)
    {
        var child = new Child(Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true })!);
        name ??= Path.GetFileName(program);
        child.Until(() => File.ReadAllText($"/proc/{child.Pid}/comm") == name[..Math.Min(name.Length, 15)] + "\n");
        return child;
    }

    public static Child Sleep() => Start("/bin/sleep", ["30"]);

    public void Until(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, PatienceMilliseconds), $"process {Pid} did not get so far");

    /// <summary>Closes what it reads.</summary>
    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>Kills it, waited for when this returns.</summary>
    public void End()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        End();
        _process.Dispose();
    }

    /// <summary>Runs a program to its end.</summary>
    public static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
