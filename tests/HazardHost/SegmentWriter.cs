using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.HazardHost;

/// <summary>
/// Writes and seals a list as fast as it can until its disk fails, and says on standard output what is sealed: power is cut
/// meanwhile. Each line of standard input is a state directory to begin in.
/// </summary>
static class SegmentWriter
{
    const int PerSegment = 16;

    public static void Run()
    {
        while (Console.ReadLine() is { } state)
        {
            try
            {
                Write(state);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ListException)
            {
                Console.WriteLine($"failed {e.Message.Split('\n')[0]}");
            }

            Console.WriteLine("stopped");
        }
    }

    static void Write(string state)
    {
        var settings = new ListSettings([], 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false)
        {
            Limits = new SegmentLimits(PerSegment, long.MaxValue),
        };
        using RuntimeMeasurements list = ListStore.Begin(new StateDirectory(state), null, settings);
        using var sealer = new ListSealer(list, settings, "test", quotes: null);
        bool isOver = false;
        var sealing = new Thread(() =>
        {
            for (int said = 0; !Volatile.Read(ref isOver) && sealer.Fault == null;)
            {
                _ = sealer.SealClosed();
                for (; said < sealer.Count; said++)
                {
                    Console.WriteLine($"sealed {said} {list.Log.Segments[said].Sealed!.ManifestDigest}");
                }
            }
        });
        sealing.Start();
        byte[] data = new byte[100];
        "(\0\0\0sha256:\0"u8.CopyTo(data);
        try
        {
            Fill(list, data, sealer);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            sealing.Join();
        }
    }

    /// <summary>d-ng of 40 bytes, n-ng of 44 and no signature.</summary>
    static void Fill(RuntimeMeasurements list, byte[] data, ListSealer sealer)
    {
        data[44] = 44;
        data.AsSpan(48, 43).Fill((byte)'n');
        data = data[..96];
        for (int number = 0; sealer.Fault == null; number++)
        {
            _ = BitConverter.TryWriteBytes(data.AsSpan(12), number);
            if (list.Add(TemplateDescriptor.ImaSig, data, 10, EntryKind.Measurement) == StoreOutcome.NotStored)
            {
                throw new IOException(list.Fault);
            }
        }

        throw new IOException(sealer.Fault);
    }
}
