using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>The names of the entries that the host makes about itself.</summary>
static class HostEvents
{
    /// <summary>The service began to watch. What stands before the first of these was written by the kernel, or is the
    /// boot_aggregate.</summary>
    public static readonly byte[] Start = "imahost-start"u8.ToArray();

    /// <summary>The service ended in good order.</summary>
    public static readonly byte[] Stop = "imahost-stop"u8.ToArray();

    /// <summary>The rules in force from here on.</summary>
    public static readonly byte[] Policy = "imahost-policy"u8.ToArray();

    /// <summary>Is it the entry from which on the host wrote the list?</summary>
    public static bool IsStart(in MeasurementRecord record) =>
        TemplateDescriptor.Find(record.TemplateName) != null && record.ReadName().SequenceEqual(Start);
}
