using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.Tests.Support;

/// <summary>A list without a TPM, in a directory of its own.</summary>
sealed class ListFixture : IDisposable
{
    readonly ListSettings _settings = new([], 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false);
    readonly TemporaryDirectory _directory = new();

    /// <param name="segment">Entries of a segment; 0: the usual.</param>
    public ListFixture(int segment = 0)
    {
        _settings = segment == 0 ? _settings : _settings with { Limits = new SegmentLimits(segment, long.MaxValue) };
        State = new StateDirectory(_directory.At("state"));
        List = ListStore.Begin(State, null, _settings);
    }

    public StateDirectory State { get; private set; }

    public ListSettings Settings => _settings;

    public RuntimeMeasurements List { get; private set; }

    /// <summary>The file of the list's first segment.</summary>
    public string File => SegmentFiles.Data(List.Log.Path, 0);

    public StoreOutcome Add(Entry entry) =>
        List.Add(TemplateDescriptor.ImaSig, entry.Data(), entry.Pcr, entry.IsViolation ? EntryKind.Violation : EntryKind.Measurement);

    /// <summary>The machine goes down, whatever was still to be done, and another boot begins a list of its own.</summary>
    public void Reboot()
    {
        List.Dispose();

        // Files have times in ticks of the kernel, up to 10 ms; boots are further apart.
        Thread.Sleep(20);
        State = new StateDirectory(State.Path, $"{Guid.NewGuid()}");
        List = ListStore.Begin(State, null, _settings);
    }

    /// <summary>Closes the list and opens it as a host does that takes over.</summary>
    public void Resume()
    {
        List.Dispose();
        List = ListStore.Resume(State, null, _settings);
    }

    public void Dispose()
    {
        List.Dispose();
        _directory.Dispose();
    }
}
