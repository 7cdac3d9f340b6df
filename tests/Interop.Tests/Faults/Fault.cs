using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What the tests of faults have in common.</summary>
static class Fault
{
    /// <summary>The two modes: an option of the daemon, and what a shell says of a program without a judgement.</summary>
    public static TheoryData<string, int> Modes => new() { { "", 0 }, { "--appraise enforce", 126 } };

    /// <summary>A short deadline, milliseconds, as an option of the daemon.</summary>
    public static string Deadline(int milliseconds) =>
        string.Create(CultureInfo.InvariantCulture, $"--config {Bench.NewFile("config", $"deadline: {milliseconds}\n")}");

    /// <summary>Programs like no others, with their labels.</summary>
    public static string[] AddLabelled(Volume volume, string name, int count)
    {
        string[] programs = [.. Enumerable.Range(0, count)
            .Select(i => volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"{name}{i}")))];
        Shell.Must(Bench.Program, ["label", .. programs]);
        return programs;
    }

    /// <summary>Is each of these programs in the list exactly once, with its digest?</summary>
    public static void RequireOnce(Daemon daemon, params string[] programs)
    {
        Dictionary<string, int> found = File.ReadLines(daemon.AsciiList)
            .Select(line => line.Split(' '))
            .Where(fields => fields[1].Trim('0').Length > 0)
            .CountBy(fields => fields[4])
            .ToDictionary();
        foreach (string program in programs)
        {
            Assert.True(found.GetValueOrDefault(program) == 1, $"{program}: {found.GetValueOrDefault(program)} entries; {daemon.Log}");
        }
    }

    /// <summary>Do list and TPM agree, by evmctl?</summary>
    /// <param name="options">More for evmctl.</param>
    public static void RequireAgreement(Emulator tpm, Daemon daemon, params string[] options)
    {
        Outcome verified = tpm.Verify(daemon.BinaryList, "sha256", options);
        Assert.True(verified.Status == 0, $"{verified.Errors}{daemon.Log}");
    }

    /// <summary>Has that process ended, whether somebody has asked after it or not?</summary>
    public static bool IsGone(int pid)
    {
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            return stat[(stat.LastIndexOf(')') + 2)..].StartsWith('Z');
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Does that process wait for the answer to an access?</summary>
    public static bool IsHeld(int pid) =>
        File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/wchan")) == "fanotify_handle_event";

    /// <summary>Compiles a program of one file.</summary>
    /// <param name="options">More for the compiler.</param>
    public static string Compile(string name, string source, params string[] options)
    {
        string file = Bench.NewFile($"{name}.c", source);
        string program = Path.Combine(Path.GetDirectoryName(file)!, name);
        Shell.Must("cc", ["-O1", "-pthread", .. options, "-o", program, file]);
        return program;
    }

    /// <summary>A command that does something in a process that becomes another.</summary>
    /// <returns>To be used in place of the program, which gets the arguments.</returns>
    public static string Wrap(string script, string program) => $"sh -c '{script} exec \"$0\" \"$@\"' {program}";
}
