using System.Text.RegularExpressions;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Manual and completion know what the program knows.</summary>
public sealed partial class PackageDocumentTests
{
    static readonly string[] Everywhere = ["-?", "-h", "--help", "--version"];

    static readonly Lazy<IReadOnlyList<HelpedCommand>> All = new(() => [.. Below("")]);

    /// <param name="Path">The words of the command; empty: the program itself.</param>
    sealed record HelpedCommand(string Path, string[] Commands, string[] Options);

    [Fact]
    public void Manual_names_every_command_and_option()
    {
        string manual = Shell.Must("sh", "-c", $"man -l {BuiltPackage.At("/usr/share/man/man8/imahost.8.gz")} | col -b");
        string words = Blank().Replace(manual.Replace("-\n", "", StringComparison.Ordinal), " ");
        foreach (HelpedCommand command in All.Value)
        {
            Assert.Matches($@"\b{Regex.Escape(command.Path)}\b", words);
            Assert.All(command.Options.Except(Everywhere), option => Assert.Contains(option, words, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Bash_completes_every_command_and_option()
    {
        string script = $"source {BuiltPackage.At("/usr/share/bash-completion/completions/imahost")}; "
            + "COMP_WORDS=(imahost $1 \"$2\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { :; }; _imahost; echo \"${COMPREPLY[@]}\"";
        AssertCompletes((path, begun) => Shell.Must("bash", "-c", script, "bash", path, begun));
    }

    [Fact]
    public void Fish_and_zsh_complete_every_command_and_option()
    {
        string fish = File.ReadAllText(BuiltPackage.At("/usr/share/fish/vendor_completions.d/imahost.fish"));
        string zsh = File.ReadAllText(BuiltPackage.At("/usr/share/zsh/vendor-completions/_imahost"));
        foreach (HelpedCommand command in All.Value)
        {
            string of = $"__imahost_path \"{command.Path}\"'";
            Assert.All(command.Commands, name => Assert.Contains($"{of} -f -a {name} ", fish, StringComparison.Ordinal));
            Assert.All(Long(command), name => Assert.Matches($@"(?m)^.*{Regex.Escape(of)}.* -l {name[2..]}( .*)?$", fish));
            Assert.Contains(
                $"\"{command.Path}\")\n\t\tcommands=\"{string.Join(' ', command.Commands)}\"\n", zsh, StringComparison.Ordinal);
            Assert.All(Long(command), name => Assert.Contains($"{name}", OptionsIn(zsh, command.Path)));
        }
    }

    static string[] OptionsIn(string zsh, string path) =>
        Regex.Match(zsh, $"\"{path}\"\\)\n\t\tcommands=.*\n\t\toptions=\"(.*)\"").Groups[1].Value.Split(' ');

    static IEnumerable<string> Long(HelpedCommand command) =>
        command.Options.Where(name => name.StartsWith("--", StringComparison.Ordinal));

    static void AssertCompletes(Func<string, string, string> complete)
    {
        foreach (HelpedCommand command in All.Value)
        {
            if (command.Commands.Length > 0)
            {
                Assert.Equal(command.Commands, complete(command.Path, "").Trim().Split(' '));
            }

            Assert.Equal(Long(command), complete(command.Path, "--").Trim().Split(' '));
        }
    }

    /// <summary>The command and all below it, as they tell of themselves.</summary>
    static IEnumerable<HelpedCommand> Below(string path)
    {
        string help = Shell.Must("sh", "-c", $"{Bench.Program} {path} --help");
        string[] commands = NamesIn(help, "Commands");
        yield return new HelpedCommand(path, commands, [.. NamesIn(help, "Options").Where(name => name != "-?")]);
        foreach (HelpedCommand command in commands.SelectMany(name => Below($"{path} {name}".Trim())))
        {
            yield return command;
        }
    }

    static string[] NamesIn(string help, string section)
    {
        string[] parts = help.Split($"{section}:\n");
        return parts.Length < 2 ? []
            : [.. parts[1].Split("\n\n")[0].Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .SelectMany(line => Name().Matches(line.Trim().Split("  ")[0].Split('<')[0]).Select(match => match.Value))];
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();

    [GeneratedRegex(@"-?-?[?a-z][a-z-]*")]
    private static partial Regex Name();
}
