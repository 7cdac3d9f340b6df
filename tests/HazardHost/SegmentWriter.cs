using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.HazardHost;

/// <summary>
/// Writes and seals a list as fast as it can until its disk fails, and says on standard output what is sealed: power is cut
/// meanwhile. Each line of standard input is a state directory to begin in, and a TPM if one is to follow; or "begin" and
/// these, and a boot: then it says what becomes of the list when the service starts in that boot.
/// </summary>
static class SegmentWriter
{
    const int PerSegment = 16;
    const int TpmMilliseconds = 5000;

    /// <summary>With a TPM, which takes its time, tests wait for what is sealed: that must come to an end now and then.</summary>
    const int MostOpen = 3;

    /// <summary>One that tests may reset.</summary>
    const int TpmPcr = 23;

    public static void Run()
    {
        while (Console.ReadLine() is { } line)
        {
            try
            {
                Do(line.Split(' '));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ListException or RecordException)
            {
                Console.WriteLine($"failed {e.Message.Split('\n')[0]}");
            }

            Console.WriteLine("stopped");
        }
    }

    static void Do(string[] words)
    {
        switch (words)
        {
            case ["begin", { } state, { } name, { } boot]:
                using (var tpm = new TpmCommands(name, TpmMilliseconds))
                {
                    Begin(new StateDirectory(state, boot), tpm);
                }

                break;
            case [{ } state, { } name]:
                using (var tpm = new TpmCommands(name, TpmMilliseconds))
                {
                    Write(state, tpm);
                }

                break;
            default:
                Write(words[0], null);
                break;
        }
    }

    static ListSettings Settings(TpmCommands? tpm) => new(
        tpm?.ReadBanks() ?? [], tpm == null ? 10 : TpmPcr, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false)
    {
        Limits = new SegmentLimits(PerSegment, long.MaxValue),
    };

    /// <summary>As a start does, and then what is done for the lists before.</summary>
    static void Begin(StateDirectory state, TpmCommands tpm)
    {
        ListSettings settings = Settings(tpm);
        using RuntimeMeasurements list = ListStore.Begin(state, tpm, settings, "test");
        using var earlier = new EarlierLists(list, settings, "test");
        earlier.Seal(why => Console.WriteLine($"warned {why}"), (_, _) => { });
        Console.WriteLine($"begun {list.Log.Path} {list.Log.Extent.Entries}");
    }

    static void Write(string state, TpmCommands? tpm)
    {
        ListSettings settings = Settings(tpm);
        using RuntimeMeasurements list = ListStore.Begin(new StateDirectory(state), tpm, settings);
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
            Fill(list, data, sealer, settings.Pcr, tpm == null ? int.MaxValue : MostOpen);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            sealing.Join();
        }
    }

    /// <summary>d-ng of 40 bytes, n-ng of 44 and no signature.</summary>
    static void Fill(RuntimeMeasurements list, byte[] data, ListSealer sealer, int pcr, int mostOpen)
    {
        data[44] = 44;
        data.AsSpan(48, 43).Fill((byte)'n');
        data = data[..96];
        for (int number = 0; sealer.Fault == null; number++)
        {
            while (list.Log.Segments.Count - sealer.Count > mostOpen && sealer.Fault == null)
            {
                Thread.Sleep(1);
            }

            _ = BitConverter.TryWriteBytes(data.AsSpan(12), number);
            if (list.Add(TemplateDescriptor.ImaSig, data, pcr, EntryKind.Measurement) == StoreOutcome.NotStored)
            {
                throw new IOException(list.Fault);
            }
        }

        throw new IOException(sealer.Fault);
    }
}
