using System.Runtime.InteropServices;
using ImaHost.Cli;
using ImaHost.HazardHost;
using ImaHost.Interop;

// A host that does by purpose what has hung hosts before: it is compiled at run time, so that its code is loaded lazily
// from the watched filesystem it lies on; one thread makes garbage without end, one opens files beside it, one loads
// libraries from there. None of it may hold up an access.
if (Environment.GetEnvironmentVariable(GuardAbi.Environment) != null)
{
    Run(MakeGarbage);
    Run(OpenFiles);
    Run(LoadLibraries);
}

if (args is ["segments"])
{
    SegmentWriter.Run();
    return 0;
}

return CommandLine.Run(args);

static void Run(Action body) => new Thread(() => body()) { IsBackground = true }.Start();

static void MakeGarbage()
{
    var kept = new byte[64][];
    for (int i = 0; ; i++)
    {
        kept[i % kept.Length] = new byte[50_000];
        if (i % 1000 == 0)
        {
            GC.Collect();
        }
    }
}

static void OpenFiles()
{
    string[] files = Directory.GetFiles(AppContext.BaseDirectory);
    for (int i = 0; ; i++)
    {
        using FileStream file = File.OpenRead(files[i % files.Length]);
        _ = file.ReadByte();
    }
}

static void LoadLibraries()
{
    foreach (string library in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "libraries")))
    {
        Thread.Sleep(100);
        _ = NativeLibrary.Load(library);
    }
}
