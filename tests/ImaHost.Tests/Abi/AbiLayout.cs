using System.Diagnostics;
using System.Globalization;
using ImaHost.Tests.Support;

namespace ImaHost.Tests.Abi;

/// <summary>What a C compiler makes of native/imahost_abi.h, as tests/native/abi_layout.c prints it.</summary>
sealed class AbiLayout
{
    readonly Dictionary<string, int> _structs = [];
    readonly Dictionary<(string Struct, string Field), (int Offset, int Size)> _fields = [];
    readonly Dictionary<string, string> _constants = [];

    public static AbiLayout Native { get; } = new(Print());

    AbiLayout(string text)
    {
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (line.Split(' '))
            {
                case ["struct", var name, var size]:
                    _structs.Add(name, Number(size));
                    break;
                case ["field", var name, var field, var offset, var size]:
                    _fields.Add((name, field), (Number(offset), Number(size)));
                    break;
                case ["const", var name, var value]:
                    _constants.Add(name, value);
                    break;
                default:
                    throw new FormatException($"abi_layout printed \"{line}\"");
            }
        }
    }

    public IReadOnlyDictionary<string, int> Structs => _structs;

    public IReadOnlyDictionary<(string Struct, string Field), (int Offset, int Size)> Fields => _fields;

    public IReadOnlyDictionary<string, string> Constants => _constants;

    static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>Runs the program that make has built, unless a source is newer: then it is built here.</summary>
    static string Print()
    {
        string built = Repository.Locate("build", "abi-layout");
        string source = Repository.Locate("tests", "native", "abi_layout.c");
        DateTime[] changed = [.. new[] { source, Repository.Locate("native", "imahost_abi.h") }.Select(File.GetLastWriteTimeUtc)];
        if (File.Exists(built) && File.GetLastWriteTimeUtc(built) >= changed.Max())
        {
            return Run(built);
        }

        using var directory = new TemporaryDirectory();
        string program = directory.At("abi-layout");
        _ = Run(Environment.GetEnvironmentVariable("CC") ?? "cc", "-std=gnu11", source, "-o", program);
        return Run(program);
    }

    static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{program} ended with {process.ExitCode}");
    }
}
