using ImaHost.Daemon;
using ImaHost.Template;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class BufferRequestsTests
{
    [Theory]
    [InlineData(0, "ima-ng", null)]
    [InlineData(0, "ima-buf", null)]
    [InlineData(0, "n-ng", null)]
    [InlineData(0, "d-ng|n-ng|n", null)]
    [InlineData(0, "ima", "template ima is for lists of it alone")]
    [InlineData(0, "d|n", "template ima is for lists of it alone")]
    [InlineData(0, "n|d-ng", "template n|d-ng has no field n-ng")]
    [InlineData(0, "buf", "template buf has no field n-ng")]
    [InlineData(0, "n-ng|n-ng", "template n-ng|n-ng has a field twice")]
    [InlineData(0, "d-ng|n-ng|buf|d-ng", "template d-ng|n-ng|buf|d-ng has a field twice")]
    [InlineData(0, "ima-none", "there is no template ima-none")]
    [InlineData(0, "", "there is no template ")]
    [InlineData(1, "ima-buf", "only root chooses a template")]
    [InlineData(1, "ima-none", "only root chooses a template")]
    public void Template_is_roots_to_choose_and_has_one_name(uint uid, string name, string? refusal) =>
        Assert.Equal(refusal, Refuse(uid, name, TemplateDescriptor.ImaSig));

    [Theory]
    [InlineData("ima")]
    [InlineData("d|n")]
    public void Template_ima_is_for_lists_of_it(string name) => Assert.Null(Refuse(0, name, TemplateDescriptor.Ima));

    static string? Refuse(uint uid, string name, TemplateDescriptor listed) =>
        BufferRequests.RefuseTemplate(uid, name, TemplateDescriptor.FindForRule(name), listed);
}
