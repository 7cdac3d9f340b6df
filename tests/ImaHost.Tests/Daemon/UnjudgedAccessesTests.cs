using System.Text;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class UnjudgedAccessesTests : IDisposable
{
    static readonly ListSettings Settings = new([], 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false);

    readonly ListFixture _list = new();
    readonly SharedState _shared = SharedState.Alone();

    public void Dispose() => _list.Dispose();

    [Fact]
    public void Only_what_no_entry_tells_of_is_entered()
    {
        var accesses = new UnjudgedAccesses(_shared, _list.List, Settings);
        accesses.Enter(0);
        Assert.Equal(1, _list.List.Log.Extent.Entries);

        accesses.Enter(3);
        accesses.Enter(3);
        new UnjudgedAccesses(_shared, _list.List, Settings).Enter(3);
        accesses.Enter(10);
        accesses.Enter(3);

        Assert.Equal(10ul, _shared.Recorded);
        Assert.Equal(["accesses=3\n", "accesses=7\n"], Buffers());
    }

    [Fact]
    public void What_the_list_does_not_take_is_not_counted_as_entered()
    {
        _list.List.Log.Dispose();
        new UnjudgedAccesses(_shared, _list.List, Settings).Enter(3);
        Assert.NotNull(_list.List.Fault);
        Assert.Equal(0ul, _shared.Recorded);
    }

    string[] Buffers()
    {
        var buffers = new List<string>();
        var reader = new LogReader(_list.List.Log.ReadBinary);
        while (reader.Next(out MeasurementRecord record))
        {
            if (record.ReadName().SequenceEqual("imahost-unjudged"u8))
            {
                string text = Encoding.ASCII.GetString(record.Data);
                buffers.Add(text[text.LastIndexOf('a')..]);
            }
        }

        return [.. buffers];
    }
}
