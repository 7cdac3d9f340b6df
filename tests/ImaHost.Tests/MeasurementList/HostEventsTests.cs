using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class HostEventsTests : IDisposable
{
    readonly ListFixture _list = new();

    public void Dispose() => _list.Dispose();

    [Theory]
    [InlineData("ima-sig", 4, 2)]
    [InlineData("ima", 0, 0)]
    public void What_ran_before_is_read_again_where_the_template_holds_it(string template, int files, int processes)
    {
        var settings = new ListSettings(
            [], 10, HashAlgorithm.Sha256, TemplateDescriptor.Find(template)!, TpmMayBeNew: false);
        Assert.Equal(default, HostEvents.ReadRunning(_list.List.Log));
        HostEvents.Running(_list.List, settings, new RunningCount(3, 1));
        HostEvents.Running(_list.List, settings, new RunningCount(4, 2));
        HostEvents.Policy(_list.List, settings, "files=9\nprocesses=9\n");
        Assert.Equal(new RunningCount(files, processes), HostEvents.ReadRunning(_list.List.Log));
    }
}
