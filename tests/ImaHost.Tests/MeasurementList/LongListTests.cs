using System.Diagnostics;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>What `make bench-long-list` measures of ten million entries, in short.</summary>
public sealed class LongListTests : IDisposable
{
    const int Window = 5000;
    const int Windows = 30;

    /// <summary>Points of the index, and the next segment: not two bytes for each entry.</summary>
    const long MostAllocated = 2 * Window * Windows;

    /// <summary>Far more than it is, for a busy machine: a list that is walked through shows all the same.</summary>
    const double MostRatio = 3;

    readonly ListFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Entries_cost_no_memory_and_the_last_no_more_than_the_first()
    {
        using var sealer = new ListSealer(_fixture.List, _fixture.Settings, "1.2.3", quotes: null);
        byte[] data = Entry.Number(2).Data();
        var costs = new List<double>();
        long allocated = 0;
        for (int window = 0; window < Windows; window++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            costs.Add(Fill(data, window * Window));
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            _ = sealer.SealClosed();
        }

        Assert.Equal(2, sealer.Count);
        Assert.InRange(allocated, 0, MostAllocated);
        double first = costs[..10].Min();
        double last = costs[^10..].Min();
        Assert.True(last <= MostRatio * first, $"{first} ns for each entry, {last} in the end");
    }

    /// <returns>Nanoseconds for each.</returns>
    double Fill(byte[] data, int number)
    {
        long begun = Stopwatch.GetTimestamp();
        for (int end = number + Window; number < end; number++)
        {
            _ = BitConverter.TryWriteBytes(data.AsSpan(12), number);
            StoreOutcome outcome = _fixture.List.Add(TemplateDescriptor.ImaSig, data, 10, EntryKind.Measurement);
            Assert.True(outcome == StoreOutcome.Stored);
        }

        return Stopwatch.GetElapsedTime(begun).TotalNanoseconds / Window;
    }
}
