using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Measurement;

public sealed class CollectedFileTests
{
    [Fact]
    public void ReadLabels_allocates_no_buffer_for_each_file()
    {
        using var directory = new TemporaryDirectory();
        using HeldFile file = HeldFile.Open(directory.Write("file", "text"));
        using var collected = new CollectedFile();
        collected.ReadLabels(file, all: true);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            collected.ReadLabels(file, all: true);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
    }
}
