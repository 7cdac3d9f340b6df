using BenchmarkDotNet.Attributes;
using ImaHost.Template;

namespace ImaHost.Benchmarks;

/// <summary>The template data of one entry.</summary>
public class TemplateBenchmarks
{
    readonly ByteBuilder _data = new();

    [Benchmark]
    public int ImaNg() => Append(TemplateDescriptor.ImaNg, Samples.Unsigned);

    [Benchmark]
    public int ImaSig() => Append(TemplateDescriptor.ImaSig, Samples.Unsigned);

    [Benchmark]
    public int ImaSigWithRsa2048() => Append(TemplateDescriptor.ImaSig, Samples.Signed);

    int Append(TemplateDescriptor template, in FieldSource source)
    {
        _data.Clear();
        template.AppendData(in source, _data);
        return _data.Length;
    }
}
