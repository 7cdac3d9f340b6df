using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Measurement;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>The entries that the host makes about itself: buffers whose bytes are a text. Each is made anew.</summary>
static class HostEvents
{
    /// <summary>Longer rules are entered as their digest, as the kernel does with policies of others.</summary>
    const int MostPolicy = 16 * 1024;

    static readonly byte[] StartName = "imahost-start"u8.ToArray();
    static readonly byte[] StopName = "imahost-stop"u8.ToArray();
    static readonly byte[] PolicyName = "imahost-policy"u8.ToArray();

    /// <summary>Is it the entry from which on the host wrote the list?</summary>
    public static bool IsStart(in MeasurementRecord record) =>
        TemplateDescriptor.Find(record.TemplateName) != null && record.ReadName().SequenceEqual(StartName);

    /// <summary>
    /// The service begins to watch. What stands before the first of these is the boot_aggregate, or was written by the
    /// kernel.
    /// </summary>
    /// <param name="what">The version, what is watched and how.</param>
    public static void Start(RuntimeMeasurements list, ListSettings settings, string what) =>
        Add(list, settings, StartName, Encoding.UTF8.GetBytes(what));

    /// <summary>The service ends in good order.</summary>
    /// <param name="isOrdered">By <c>imahost stop</c>; else a signal ended it.</param>
    public static void Stop(RuntimeMeasurements list, ListSettings settings, bool isOrdered) =>
        Add(list, settings, StopName, Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"entries={list.Log.Extent.Entries}\norder={(isOrdered ? "stop" : "signal")}\n")));

    /// <summary>Rules are put in force.</summary>
    /// <param name="rules">In the kernel's language.</param>
    public static void Policy(RuntimeMeasurements list, ListSettings settings, string rules) =>
        Add(list, settings, PolicyName, Encoding.UTF8.GetBytes(rules));

    static void Add(RuntimeMeasurements list, ListSettings settings, byte[] name, byte[] data)
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
        _ = list.Add(template, entry.Written, settings.Pcr, EntryKind.Event);
    }
}
