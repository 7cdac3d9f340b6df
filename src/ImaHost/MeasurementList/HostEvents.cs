using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Measurement;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>How much ran before the service came.</summary>
/// <param name="Files">That run or are mapped to be executed, on filesystems that are watched.</param>
/// <param name="Processes">That have at least one of them.</param>
readonly record struct RunningCount(int Files, int Processes);

/// <summary>The entries that the host makes about itself: buffers whose bytes are a text. Each is made anew.</summary>
static class HostEvents
{
    /// <summary>Longer rules are entered as their digest, as the kernel does with policies of others.</summary>
    const int MostPolicy = 16 * 1024;

    static readonly byte[] StartName = "imahost-start"u8.ToArray(); // SegmentReplay.IsHostStart
    static readonly byte[] StopName = "imahost-stop"u8.ToArray();
    static readonly byte[] PolicyName = "imahost-policy"u8.ToArray();
    static readonly byte[] RunningName = "imahost-running"u8.ToArray();
    static readonly byte[] FilelessName = "imahost-fileless"u8.ToArray();
    static readonly byte[] UnjudgedName = "imahost-unjudged"u8.ToArray();

    /// <summary>
    /// The service begins to watch. What stands before the first of these is the boot_aggregate, or was written by the
    /// kernel.
    /// </summary>
    /// <param name="what">The version, what is watched and how.</param>
    public static void Start(RuntimeMeasurements list, ListSettings settings, string what) =>
        _ = Add(list, settings, StartName, Encoding.UTF8.GetBytes(what));

    /// <summary>The service ends in good order.</summary>
    /// <param name="isOrdered">By <c>imahost stop</c>; else a signal ended it.</param>
    public static void Stop(RuntimeMeasurements list, ListSettings settings, bool isOrdered) =>
        _ = Add(
            list, settings, StopName,
            Text($"entries={list.Log.Extent.Entries}\norder={(isOrdered ? "stop" : "signal")}\n"));

    /// <summary>Rules are put in force.</summary>
    /// <param name="rules">In the kernel's language.</param>
    public static void Policy(RuntimeMeasurements list, ListSettings settings, string rules) =>
        _ = Add(list, settings, PolicyName, Encoding.UTF8.GetBytes(rules));

    /// <summary>What ran before the service came is measured now.</summary>
    public static void Running(RuntimeMeasurements list, ListSettings settings, RunningCount count) =>
        _ = Add(list, settings, RunningName, Text($"files={count.Files}\nprocesses={count.Processes}\n"));

    /// <summary>The guard has answered accesses while there was no host.</summary>
    public static StoreOutcome Unjudged(RuntimeMeasurements list, ListSettings settings, ulong accesses) =>
        Add(list, settings, UnjudgedName, Text($"accesses={accesses}\n"));

    /// <summary>Code that was in memory only was gone before it could be hashed.</summary>
    /// <param name="what">What is known of it.</param>
    public static StoreOutcome Fileless(RuntimeMeasurements list, ListSettings settings, string what) =>
        Add(list, settings, FilelessName, Encoding.UTF8.GetBytes(what));

    /// <summary>What <see cref="Running"/> has entered last; nothing when that cannot be read, as in template "ima".</summary>
    public static RunningCount ReadRunning(MeasurementLog log)
    {
        RunningCount last = default;
        var reader = new LogReader(log.ReadBinary);
        while (reader.Next(out MeasurementRecord record))
        {
            if (Is(RunningName, in record) && TryParse(ReadBuffer(in record), out RunningCount count))
            {
                last = count;
            }
        }

        return last;
    }

    static bool Is(byte[] name, in MeasurementRecord record) =>
        TemplateDescriptor.Find(record.TemplateName) != null && record.ReadName().SequenceEqual(name);

    static ReadOnlySpan<byte> ReadBuffer(in MeasurementRecord record)
    {
        TemplateDescriptor template = record.Template;
        ReadOnlySpan<byte> data = record.Data;
        foreach (TemplateField field in template.Fields)
        {
            ReadOnlySpan<byte> bytes = template.TakeField(field, ref data);
            if (field == TemplateField.Buffer)
            {
                return bytes;
            }
        }

        return default;
    }

    static bool TryParse(ReadOnlySpan<byte> text, out RunningCount count)
    {
        string[] parts = Encoding.ASCII.GetString(text).Split('=', '\n');
        count = default;
        if (parts is not ["files", { } files, "processes", { } processes, ""]
            || !int.TryParse(files, NumberStyles.None, CultureInfo.InvariantCulture, out int fileCount)
            || !int.TryParse(processes, NumberStyles.None, CultureInfo.InvariantCulture, out int processCount))
        {
            return false;
        }

        count = new RunningCount(fileCount, processCount);
        return true;
    }

    static byte[] Text(FormattableString text) => Encoding.ASCII.GetBytes(text.ToString(CultureInfo.InvariantCulture));

    static StoreOutcome Add(RuntimeMeasurements list, ListSettings settings, byte[] name, byte[] data)
    {
        using var digests = new DigestSet();
        Digest digest = digests.Hash(settings.ImaHash, data);
        var buffer = new CollectedBuffer(name, data.Length > MostPolicy ? digest.Bytes.ToArray() : data);
        TemplateDescriptor template = CollectedBuffer.TemplateIn(settings.Template);
        CollectRequest wanted = new CollectRequest(settings.ImaHash).For(template);
        buffer.Collect(in wanted, digests);
        FieldSource fields = buffer.Fields;
        var entry = new ByteBuilder();
        template.AppendData(in fields, entry);
        return list.Add(template, entry.Written, settings.Pcr, EntryKind.Event);
    }
}
