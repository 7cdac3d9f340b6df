using ImaHost.Crypto;
using ImaHost.Measurement;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>The list on disk and the TPM do not belong together, and no start can mend that.</summary>
sealed class ListException(string message) : Exception(message);

/// <summary>How to open a list.</summary>
/// <param name="Banks">The allocated banks of the TPM.</param>
/// <param name="Pcr">The PCR the list lives in.</param>
/// <param name="TpmMayBeNew">An emulated TPM was started for us: if it is blank, a new list begins.</param>
sealed record ListSettings(
    IReadOnlyList<HashAlgorithm> Banks, int Pcr, HashAlgorithm ImaHash, TemplateDescriptor Template, bool TpmMayBeNew);

/// <summary>Opens the list of this boot, and begins a new one with the boot_aggregate.</summary>
static class ListStore
{
    /// <summary>Opens the list at the start of the service: it and the TPM must belong together.</summary>
    /// <exception cref="ListException">The PCR holds what no part of the list explains.</exception>
    /// <exception cref="IOException">The TPM or the disk failed.</exception>
    public static RuntimeMeasurements Begin(StateDirectory state, TpmCommands? tpm, ListSettings settings)
    {
        bool isBlank = tpm == null || IsBlank(tpm, settings);
        bool isNew = tpm != null && isBlank && settings.TpmMayBeNew;
        RuntimeMeasurements list = Open(state, state.OpenList(startAnew: isNew), tpm, settings);
        try
        {
            if (list.Log.Extent.Entries == 0)
            {
                if (!isBlank)
                {
                    throw new ListException(
                        $"PCR {settings.Pcr} of {tpm!.Transport.Name} was extended before, and no list here explains it:"
                        + " a kernel with IMA, or another host, uses it. Configure another PCR (pcr: in imahost.yaml)");
                }

                AddBootAggregate(list, tpm, settings);
            }

            return list.Fault is { } fault ? throw new ListException(fault) : list;
        }
        catch
        {
            list.Dispose();
            throw;
        }
    }

    /// <summary>Opens the list in a host that replaces another: a TPM that does not follow is a fault to report.</summary>
    public static RuntimeMeasurements Resume(StateDirectory state, TpmCommands? tpm, ListSettings settings) =>
        Open(state, state.OpenList(startAnew: false), tpm, settings);

    static RuntimeMeasurements Open(StateDirectory state, string path, TpmCommands? tpm, ListSettings settings)
    {
        var digests = new DigestSet();
        var log = new MeasurementLog(path);
        var list = new RuntimeMeasurements(
            log, new DigestTable(state.TablePath), new PcrExtender(tpm, log, settings.Banks, digests), digests);
        var reader = new LogReader(log.ReadFile);
        while (reader.Next(out MeasurementRecord record))
        {
            list.Restore(in record, reader.Offset);
        }

        // A crash can cut the last entry off; it was not extended then, because it is written first.
        log.DropTail();
        list.TendTpm();
        return list;
    }

    static bool IsBlank(TpmCommands tpm, ListSettings settings)
    {
        using var digests = new DigestSet();
        return new PcrBanks(settings.Banks, digests).Match(settings.Pcr, tpm.ReadPcr(settings.Banks, settings.Pcr));
    }

    static void AddBootAggregate(RuntimeMeasurements list, TpmCommands? tpm, ListSettings settings)
    {
        using var digests = new DigestSet();
        var data = new ByteBuilder();
        var source = new FieldSource
        {
            Digest = BootAggregate.Compute(
                tpm == null ? null : new LivePcrs(tpm, settings.Banks).TryGet, settings.Banks, settings.ImaHash, digests),
            Name = BootAggregate.Name,
        };
        settings.Template.AppendData(in source, data);
        _ = list.Add(settings.Template, data.Written, settings.Pcr, violation: false);
    }
}
