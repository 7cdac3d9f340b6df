using System.Text;
using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Template;

public sealed class TemplateDescriptorTests
{
    [Theory]
    [InlineData("ima-ng", true)]
    [InlineData("ima-sig", true)]
    [InlineData("ima", true)]
    [InlineData("ima-sigx", false)]
    [InlineData("", false)]
    public void Find_knows_the_templates_that_are_written_here(string name, bool known)
    {
        TemplateDescriptor? template = TemplateDescriptor.Find(Encoding.ASCII.GetBytes(name));
        Assert.Equal(known ? name : null, template?.Name);
    }

    [Fact]
    public void AppendData_writes_the_fields_of_ima_sig()
    {
        Entry entry = Entry.Number(30);
        var data = new ByteBuilder();
        TemplateDescriptor.ImaSig.AppendData(Source(entry), data);
        Assert.Equal(entry.Data(), data.Written);
        Assert.NotEmpty(entry.Signature);
    }

    [Fact]
    public void AppendData_leaves_the_signature_out_of_ima_ng()
    {
        Entry entry = Entry.Number(30);
        var data = new ByteBuilder();
        TemplateDescriptor.ImaNg.AppendData(Source(entry), data);
        Assert.Equal(entry.Data().AsSpan()[..^(4 + entry.Signature.Length)], data.Written);
    }

    static FieldSource Source(Entry entry) => new()
    {
        Digest = new Digest(HashAlgorithm.Sha256, entry.Digest),
        Name = Encoding.UTF8.GetBytes(entry.Name),
        Signature = entry.Signature,
    };
}
