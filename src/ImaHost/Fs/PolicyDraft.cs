using System.Text;
using ImaHost.Policy;

namespace ImaHost.Fs;

/// <summary>What the published policy file needs of the host.</summary>
/// <param name="InForce">The policy in force.</param>
/// <param name="ReadFile">Reads a file of rules, named by its absolute path.</param>
/// <param name="WhyNotWritten">Why rules may come from signed files alone; null: they may be written.</param>
/// <param name="IsWritten">Somebody has the published file open for writing.</param>
/// <param name="Load">Puts rules in force; true: after those that are. False: they could not be.</param>
/// <param name="Refused">Says why something that was written is refused.</param>
sealed record PolicyCommands(
    Func<ImaPolicy> InForce, Func<string, LoadedFile> ReadFile, Func<string?> WhyNotWritten,
    Func<bool> IsWritten, Func<PolicyDraft, bool, bool> Load, Action<string> Refused);

/// <summary>
/// The rules that one writer has written so far. A line that begins with "/" names a file whose rules stand in its place
/// (ima_read_policy).
/// </summary>
sealed class PolicyDraft(PolicyCommands commands)
{
    /// <summary>
    /// A file is read by a thread of its own and waited for no longer: it may lie on a filesystem that does not answer,
    /// such as the very one whose writer waits for this.
    /// </summary>
    const int ReadMilliseconds = 2000;

    const string Source = "policy file";

    readonly List<ImaRule> _rules = [];
    int _read;
    int _lines;

    public IReadOnlyList<ImaRule> Rules => _rules;

    /// <summary>Some file includes the built-in policy of that name.</summary>
    public bool FailsSecurely { get; private set; }

    /// <summary>Reads what was added to a text since the last call.</summary>
    /// <param name="text">All of it, up to the end of a line.</param>
    /// <exception cref="PolicyException">A line is no rule.</exception>
    /// <exception cref="UnauthorizedAccessException">Rules may come from signed files alone.</exception>
    public void Read(ReadOnlySpan<byte> text)
    {
        while (_read < text.Length)
        {
            int length = text[_read..].IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = length < 0 ? text[_read..] : text.Slice(_read, length);
            ReadLine(Encoding.UTF8.GetString(line.TrimEnd((byte)'\r')), ++_lines);
            _read += Math.Min(line.Length + 1, text.Length - _read);
        }
    }

    void ReadLine(string line, int number)
    {
        if (line.StartsWith('/'))
        {
            LoadedFile file = ReadFile(line.TrimEnd());
            FailsSecurely |= file.Rules.FailsSecurely;
            _rules.AddRange(file.Rules.Rules);
        }
        else if (KernelPolicyReader.ReadRule(line, Source, number) is { } rule)
        {
            _rules.Add(commands.WhyNotWritten() is { } why ? throw new UnauthorizedAccessException(why) : rule);
        }
    }

    LoadedFile ReadFile(string path)
    {
        Task<LoadedFile> reading = Task.Run(() => commands.ReadFile(path));
        try
        {
            return reading.Wait(ReadMilliseconds)
                ? reading.Result
                : throw new PolicyException(new PolicyPlace(path), "its filesystem does not answer");
        }
        catch (AggregateException e) when (e.InnerException is PolicyException or IOException or UnauthorizedAccessException)
        {
            throw e.InnerException as PolicyException ?? new PolicyException(new PolicyPlace(path), e.InnerException.Message);
        }
    }
}
