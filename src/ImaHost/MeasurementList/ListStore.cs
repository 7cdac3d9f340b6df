using ImaHost.Crypto;
using ImaHost.Measurement;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>The list on disk and the TPM do not belong together, and no start can mend that.</summary>
sealed class ListException(string message) : Exception(message);

/// <summary>How to open a list.</summary>
/// <param name="Banks">The allocated banks of the TPM.</param>
/// <param name="Pcr">The PCR the list lives in.</param>
/// <param name="TpmMayBeNew">An emulated TPM was started for us: if it is blank, a new list begins.</param>
/// <param name="AttestationKey">The key that signs quotes, as <see cref="Tpm.AttestationKey"/> takes it.</param>
sealed record ListSettings(
    IReadOnlyList<HashAlgorithm> Banks, int Pcr, HashAlgorithm ImaHash, TemplateDescriptor Template, bool TpmMayBeNew,
    string AttestationKey = "ecc")
{
    public SegmentLimits Limits { get; init; } = SegmentLimits.Default;

    /// <summary>The attestation key, if it was made before.</summary>
    public MadeKey? MadeKey { get; init; }
}

/// <summary>Opens the list of this boot, and begins a new one with the boot_aggregate.</summary>
static class ListStore
{
    /// <summary>PCRs that a list can live in instead, where nothing else uses them.</summary>
    static readonly int[] OtherPcrs = [14, 13, 12, 11, 23];

    /// <summary>Opens the list at the start of the service: it and the TPM must belong together.</summary>
    /// <param name="version">Of the host, for manifests.</param>
    /// <param name="say">Hears what is worth to be told of where the list comes from.</param>
    /// <exception cref="ListException">The PCR holds what no part of the list explains.</exception>
    /// <exception cref="IOException">The TPM or the disk failed.</exception>
    public static RuntimeMeasurements Begin(
        StateDirectory state, TpmCommands? tpm, ListSettings settings, string version = "", Action<string>? say = null)
    {
        bool isBlank = tpm == null || IsBlank(tpm, settings, settings.Pcr);
        bool isNewTpm = tpm != null && isBlank && settings.TpmMayBeNew;
        string path = (isNewTpm ? null : state.ListsOfThisBoot().LastOrDefault(list => LivesIn(list, settings.Pcr)))
            ?? state.NextList();
        if (!isBlank && IsEmpty(path))
        {
            path = Find(state, tpm!, settings, path, version, say);
        }

        StateDirectory.MakeList(path);
        state.MakeCurrent(path);
        state.ForgetTables(path);
        RuntimeMeasurements list = Open(state, path, tpm, settings);
        try
        {
            if (list.Log.Extent == CarriedList.BeginOfBoot(list))
            {
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
        Open(state, state.Current, tpm, settings);

    static RuntimeMeasurements Open(StateDirectory state, string path, TpmCommands? tpm, ListSettings settings)
    {
        var digests = new DigestSet();
        MeasurementLog? log = null;
        DigestTable? table = null;
        try
        {
            log = new MeasurementLog(path, settings.Limits);
            table = new DigestTable(StateDirectory.TableIn(path), log.FileLengths);
            var list = new RuntimeMeasurements(log, table, new PcrExtender(tpm, log, settings.Banks, digests, settings.AttestationKey, settings.MadeKey),
                digests)
            {
                BootId = state.Boot,
            };
            RestoreAll(list, log);
            list.TendTpm();
            return list;
        }
        catch
        {
            table?.Dispose();
            log?.Dispose();
            digests.Dispose();
            throw;
        }
    }

    static void RestoreAll(RuntimeMeasurements list, MeasurementLog log)
    {
        foreach (LogSegment segment in log.Segments.Take(log.SealedCount))
        {
            list.Restore(segment);
        }

        do
        {
            Restore(list, log);
        }
        while (log.OpenNext());

        // A crash can cut the last entry off; it was not extended then, because it is written first.
        log.DropTail();
    }

    /// <summary>Takes in the entries of the segment that is not sealed.</summary>
    static void Restore(RuntimeMeasurements list, MeasurementLog log)
    {
        var reader = new LogReader(log.ReadFile);
        reader.Seek(log.Extent.BinaryBytes, log.Extent.Entries);
        while (reader.Next(out MeasurementRecord record))
        {
            list.Restore(in record, reader.Offset);
        }

        if (reader.Rest > 0 && log.HasNext)
        {
            throw reader.Locate(new RecordException($"the segment ends after {reader.Rest} bytes of it"));
        }
    }

    static bool IsBlank(TpmCommands tpm, ListSettings settings, int pcr)
    {
        using var digests = new DigestSet();
        return new PcrBanks(settings.Banks, digests).Match(pcr, tpm.ReadPcr(settings.Banks, pcr));
    }

    /// <summary>Each PCR that is configured has a list of its own: the first entry says which. An empty one has none yet.</summary>
    static bool LivesIn(string path, int pcr)
    {
        string first = SegmentFiles.Data(path, 0);
        if (!File.Exists(first))
        {
            using var digests = new DigestSet();
            var chain = new SealedChain(path, digests);
            return chain.TryNext() ? chain.Last!.Manifest.Pcr == pcr
                : chain.FindBreak() is { } why ? throw new ListException(why)
                : IsEmpty(path);
        }

        using var file = new ListFile(first);
        return !file.Open().Next(out MeasurementRecord entry) || entry.Pcr == pcr;
    }

    static bool IsEmpty(string path) =>
        SegmentFiles.Numbers(path) is not { Count: > 0 } numbers
        || (numbers is [0] && new FileInfo(SegmentFiles.Data(path, 0)) is { Exists: true, Length: 0 });

    /// <summary>The PCR was extended before we came: by us in an earlier boot, or by the kernel.</summary>
    /// <param name="path">Where a new list would be.</param>
    static string Find(
        StateDirectory state, TpmCommands tpm, ListSettings settings, string path, string version, Action<string>? say)
    {
        if (CarriedList.TryTake(state, tpm, settings, version) is { } carried)
        {
            say?.Invoke(
                $"{tpm.Transport.Name} holds what {carried} ends in, as after a kexec: that list of an earlier boot goes on in this one");
            return carried;
        }

        Adopt(path, tpm, settings);
        return path;
    }

    /// <summary>The kernel's list may say by what the PCR was extended: then it begins ours.</summary>
    static void Adopt(string path, TpmCommands tpm, ListSettings settings)
    {
        string where = $"PCR {settings.Pcr} of {tpm.Transport.Name} was extended before";
        KernelList kernel = KernelList.Find()
            ?? throw new ListException(
                $"{where}, and no list here explains it: something else uses it. {Advise(tpm, settings)}");
        if (kernel.GoesOn)
        {
            throw new ListException(
                $"{where} by the kernel's own IMA ({kernel.Count} entries in {kernel.Path}), whose policy goes on"
                + $" measuring: two cannot share a PCR. {Advise(tpm, settings)}");
        }

        // Only what was checked gets a name by which the next start would find it.
        string copy = path + ".new";
        try
        {
            kernel.CopyTo(copy);
            if (!Explains(copy, kernel, tpm, settings, out long entries))
            {
                throw new ListException(
                    $"{where}, and the kernel's list ({kernel.Path}, {entries} entries) does not explain it: something"
                    + $" else uses it too. {Advise(tpm, settings)}");
            }

            StateDirectory.MakeList(path);
            File.Move(copy, SegmentFiles.Data(path, 0), overwrite: true);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>Does a copy of the kernel's list give what the PCRs hold?</summary>
    static bool Explains(string copy, KernelList kernel, TpmCommands tpm, ListSettings settings, out long entries)
    {
        using var digests = new DigestSet();
        using var file = new ListFile(copy);
        var search = new PcrSearch(settings.Banks, new LivePcrs(tpm, settings.Banks).TryGet, digests);
        RecordReader? reader = null;
        try
        {
            search.Run(() => reader = file.Open());
        }
        catch (RecordException e)
        {
            throw new ListException($"the kernel's list ({kernel.Path}) is damaged: {e.Message}. {Advise(tpm, settings)}");
        }

        entries = reader!.Number;
        return search.Matched == entries && search.Pcrs.Contains(settings.Pcr);
    }

    static string Advise(TpmCommands tpm, ListSettings settings)
    {
        int? other = OtherPcrs.Cast<int?>().FirstOrDefault(pcr => IsBlank(tpm, settings, pcr!.Value));
        return other == null
            ? "Configure a PCR that nothing uses (pcr: in imahost.yaml)"
            : $"Configure another PCR, such as {other}, which is blank (pcr: {other} in imahost.yaml)";
    }

    static void AddBootAggregate(RuntimeMeasurements list, TpmCommands? tpm, ListSettings settings)
    {
        using var digests = new DigestSet();
        var data = new ByteBuilder();
        PcrSource? pcrs = tpm == null ? null : new LivePcrs(tpm, settings.Banks).TryGet;
        HashAlgorithm[] sha1 = settings.Banks.Contains(HashAlgorithm.Sha1) ? [HashAlgorithm.Sha1] : [];
        var source = new FieldSource
        {
            Digest = BootAggregate.Compute(pcrs, settings.Banks, settings.ImaHash, digests),
            Sha1 = BootAggregate.Compute(pcrs, sha1, HashAlgorithm.Sha1, digests),
            Name = BootAggregate.Name,
        };
        settings.Template.AppendData(in source, data);
        _ = list.Add(settings.Template, data.Written, settings.Pcr, EntryKind.Measurement);
    }
}
