using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;

namespace ImaHost.Tests.Support;

/// <summary>A list without a TPM, in a directory of its own.</summary>
sealed class ListFixture : IDisposable
{
    static readonly ListSettings Settings = new([], 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false);
    readonly TemporaryDirectory _directory = new();

    public ListFixture()
    {
        State = new StateDirectory(_directory.At("state"));
        List = ListStore.Begin(State, null, Settings);
    }

    public StateDirectory State { get; }

    public RuntimeMeasurements List { get; private set; }

    /// <summary>The list's file.</summary>
    public string File => List.Log.Path;

    public StoreOutcome Add(Entry entry) =>
        List.Add(TemplateDescriptor.ImaSig, entry.Data(), entry.Pcr, entry.IsViolation ? EntryKind.Violation : EntryKind.Measurement);

    /// <summary>Closes the list and opens it as a host does that takes over.</summary>
    public void Resume()
    {
        List.Dispose();
        List = ListStore.Resume(State, null, Settings);
    }

    public void Dispose()
    {
        List.Dispose();
        _directory.Dispose();
    }
}
