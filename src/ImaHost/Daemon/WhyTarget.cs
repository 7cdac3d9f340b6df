using System.Globalization;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.MeasurementList;
using ImaHost.Template;

namespace ImaHost.Daemon;

/// <summary>What somebody asks about: files, and decisions that are about no file that could be looked at.</summary>
/// <param name="Paths">The files, the most important first.</param>
/// <param name="Heading">What they have to do with what was asked; null: they are what was asked.</param>
/// <param name="Decisions">Of a process.</param>
/// <param name="IsOne">One file was asked about, so it is told of whatever comes of it.</param>
sealed record WhyTarget(
    IReadOnlyList<string> Paths, string? Heading, IReadOnlyList<DecisionRecord> Decisions, bool IsOne)
{
    const string EntryPrefix = "entry:";
    const string ProcessPrefix = "pid:";

    /// <summary>The forms, for people.</summary>
    public const string Forms = "a path, a process id (pid:N), or the number of an entry of the list (entry:N)";

    /// <summary>
    /// A bare number is a process's, if there is one or some decision names it; else that of an entry. What has a slash,
    /// or is a file here, is a path.
    /// </summary>
    /// <param name="state">Where the list is.</param>
    /// <exception cref="ConfigurationException">There is no such process or entry.</exception>
    public static WhyTarget Of(string word, string state, DecisionHistory history)
    {
        if (TryNumber(word, EntryPrefix, out long entry))
        {
            return OfEntry(entry, state, history);
        }

        if (TryNumber(word, ProcessPrefix, out long pid))
        {
            return OfProcess(pid, history)
                ?? throw new ConfigurationException($"there is no process {pid}, and no decision about one is in the record");
        }

        return !TryNumber(word, "", out long number) || Path.Exists(word) ? new WhyTarget([word], null, [], IsOne: true)
            : OfProcess(number, history) ?? OfEntry(number, state, history);
    }

    static bool TryNumber(string word, string prefix, out long number)
    {
        number = 0;
        return word.StartsWith(prefix, StringComparison.Ordinal)
            && long.TryParse(word.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    /// <returns>Null: nothing is known of it.</returns>
    static WhyTarget? OfProcess(long pid, DecisionHistory history)
    {
        DecisionRecord[] decisions = [.. history.Records.Where(record => record.Pid == pid)];
        List<string> files = FilesOf(pid);
        if (files.Count == 0 && decisions.Length == 0)
        {
            return null;
        }

        IEnumerable<string> denied = decisions.Where(record => record.IsDenial).Select(record => record.Path!).Reverse();
        string state = files.Count == 0 ? "has ended" : $"runs {files[0]}";
        return new WhyTarget(
            [.. denied.Concat(files).Distinct()], FormattableString.Invariant($"process {pid} {state}"), decisions, IsOne: false);
    }

    /// <summary>Its program, and what it has mapped to be executed (proc_pid_maps(5)).</summary>
    static List<string> FilesOf(long pid)
    {
        string process = FormattableString.Invariant($"/proc/{pid}");
        try
        {
            string? program = File.ResolveLinkTarget($"{process}/exe", returnFinalTarget: false)?.FullName;
            IEnumerable<string> mapped = from line in File.ReadLines($"{process}/maps")
                                         let words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries)
                                         where words.Length == 6 && words[1].Contains('x', StringComparison.Ordinal)
                                             && words[5].StartsWith('/')
                                         select words[5];
            return [.. mapped.Prepend(program ?? "").Where(path => path.Length > 0).Distinct()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <exception cref="ConfigurationException">The list has no such entry, or that is no file's.</exception>
    static WhyTarget OfEntry(long number, string state, DecisionHistory history)
    {
        string path = Path.Combine(state, "current");
        if (!Path.Exists(path))
        {
            throw new ConfigurationException($"there is no list at {path}");
        }

        using var file = new ListFile(path);
        RecordReader reader = file.Open();
        while (reader.Next(out MeasurementRecord record))
        {
            if (reader.Number == number)
            {
                return OfRecord(number, in record, history);
            }
        }

        throw new ConfigurationException(FormattableString.Invariant($"{path} has no entry {number}: it has 0 to {reader.Number - 1}"));
    }

    static WhyTarget OfRecord(long number, in MeasurementRecord record, DecisionHistory history)
    {
        string name = Encoding.UTF8.GetString(record.ReadName());
        if (!name.StartsWith('/'))
        {
            throw new ConfigurationException(FormattableString.Invariant($"entry {number} is \"{name}\", which is no file"));
        }

        // In the list a blank is written "_".
        string path = history.Records.Select(one => one.Path)
            .LastOrDefault(one => one?.Replace(' ', '_') == name) ?? name;
        string digest = record.IsViolation ? "a violation" : DigestOf(in record);
        return new WhyTarget([path], FormattableString.Invariant($"entry {number} is {path}, {digest}"), [], IsOne: true);
    }

    /// <summary>As the ascii list shows it.</summary>
    static string DigestOf(in MeasurementRecord record)
    {
        TemplateDescriptor template = record.Template;
        ReadOnlySpan<byte> data = record.Data;
        var text = new ByteBuilder();
        TemplateField first = template.Fields[0];
        first.Show(template.TakeField(first, ref data), text);
        return Encoding.UTF8.GetString(text.Written);
    }
}
