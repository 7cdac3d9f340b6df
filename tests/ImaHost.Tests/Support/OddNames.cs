using System.Diagnostics;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>Files whose names no .NET string can hold, or that no path reaches.</summary>
static class OddNames
{
    /// <summary>Runs a script of python3, which takes names as bytes; its working directory is given.</summary>
    public static void Make(string directory, string script)
    {
        using Process process = Process.Start(
            new ProcessStartInfo("/usr/bin/python3", ["-c", "import os\n" + script]) { WorkingDirectory = directory })!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
