using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Benchmarks;

/// <summary>A list in a directory of its own, which goes with it.</summary>
sealed class ListPlace : IDisposable
{
    const int Pcr = 10;
    readonly string _directory;
    readonly byte[] _data = Samples.Data();
    readonly TpmCommands? _tpm;
    long _number;

    /// <param name="parent">Where the directory is made.</param>
    /// <param name="banks">Of a TPM that takes no time; none: there is no TPM.</param>
    public ListPlace(string parent, params HashAlgorithm[] banks)
    {
        _tpm = banks.Length == 0 ? null : new TpmCommands(new CannedTransport(), 1000);
        _directory = Path.Combine(parent, $"imahost-bench-{Guid.NewGuid():n}");
        var settings = new ListSettings(banks, Pcr, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false);
        List = ListStore.Begin(new StateDirectory(_directory), _tpm, settings);
    }

    public RuntimeMeasurements List { get; }

    /// <summary>An entry that is not there yet.</summary>
    public void AddNew()
    {
        Samples.Number(_data, _number++);
        Add(StoreOutcome.Stored);
    }

    /// <summary>The last entry once more.</summary>
    public void AddAgain() => Add(StoreOutcome.AlreadyThere);

    public void Dispose()
    {
        List.Dispose();
        _tpm?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    void Add(StoreOutcome expected)
    {
        if (List.Add(TemplateDescriptor.ImaSig, _data, Pcr, EntryKind.Measurement) != expected)
        {
            throw new InvalidOperationException(List.Fault ?? $"the list does not say {expected}");
        }
    }
}
