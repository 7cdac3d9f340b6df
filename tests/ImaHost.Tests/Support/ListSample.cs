using ImaHost.Template;

namespace ImaHost.Tests.Support;

/// <summary>A short list that has every built-in template, several PCRs, and a violation.</summary>
static class ListSample
{
    /// <summary>Its records in binary.</summary>
    public static IReadOnlyList<byte[]> Records { get; } =
        [.. TemplateDescriptor.Names.Append("d-ng|n-ng|iuid").SelectMany((name, number) => new[]
        {
            Create(name, 10 + (number % 3), FullSource.Create()),
            Create(name, 9, FullSource.CreateLeast(), number == 3),
        })];

    public static byte[] Binary { get; } = [.. Records.SelectMany(record => record)];

    public static byte[] Ascii { get; } = Support.Records.Ascii(new LogReader(KernelVector.Source(Binary)));

    static byte[] Create(string name, int pcr, FieldSource source, bool violation = false)
    {
        TemplateDescriptor template = TemplateDescriptor.Find(name)!;
        var data = new ByteBuilder();
        template.AppendData(in source, data);
        var record = new MeasurementRecord
        {
            Pcr = pcr,
            TemplateDigest = violation ? new byte[20] : FullSource.Sha1Bytes,
            TemplateName = template.Utf8Name,
            Data = data.Written,
        };
        var binary = new ByteBuilder();
        record.AppendBinary(binary);
        return binary.Written.ToArray();
    }
}
