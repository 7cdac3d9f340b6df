using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>
/// A kexec begins another boot and leaves the TPM as it was: its PCRs hold what the list of the boot before ends in. As the
/// kernel carries its own list over (ima_kexec.c), that list goes on: in the same directory, behind another boot_aggregate.
/// </summary>
static class CarriedList
{
    /// <summary>
    /// Finds the latest list of another boot that ends in exactly what the PCRs hold, and has it go on in this one. What of
    /// it was not sealed is sealed first, so that no segment is of two boots.
    /// </summary>
    /// <param name="version">Of the host, for the manifests.</param>
    /// <returns>The list's directory, or null when there is none.</returns>
    /// <exception cref="ListException">There is one, but it is damaged, or broken before its end.</exception>
    /// <exception cref="IOException">The TPM or the disk failed.</exception>
    public static string? TryTake(StateDirectory state, TpmCommands tpm, ListSettings settings, string version)
    {
        using var digests = new DigestSet();
        var held = new LivePcrs(tpm, settings.Banks);
        foreach (string list in ListsByName.In(state.Path).Except(state.ListsOfThisBoot()).Reverse())
        {
            IReadOnlyList<SealedSegment> chain = SealedChain.Read(list, digests, out SealedChain walked);
            if (TrySearch(list, chain, settings, held, digests) is { } search)
            {
                if (walked.FindBreak() is { } why)
                {
                    throw new ListException(why);
                }

                Seal(list, chain, walked.Damaged, settings, search, version, digests);
                Forget(state, list);
                state.GoOnIn(list);
                return list;
            }
        }

        return null;
    }

    /// <summary>Where the entries of this boot begin: behind what was sealed in another one.</summary>
    public static LogExtent BeginOfBoot(RuntimeMeasurements list) =>
        list.Log.Segments.LastOrDefault(one => one.Sealed is { } known && known.Manifest.BootId != list.BootId)?.End ?? default;

    /// <returns>Null: the PCRs hold something else, or the list is damaged.</returns>
    static PcrSearch? TrySearch(
        string list, IReadOnlyList<SealedSegment> chain, ListSettings settings, LivePcrs held, DigestSet digests)
    {
        if (!TryReadBase(chain, settings, digests, out ReplayBase? from) || HasGap(list, chain.Count))
        {
            return null;
        }

        using var bytes = new SegmentBytes(list);
        var search = new PcrSearch(settings.Banks, held.TryGet, digests, from);
        RecordReader? reader = null;
        try
        {
            search.Run(() => reader = ListTail.Open(list, chain, bytes));
        }
        catch (RecordException)
        {
            return null;
        }

        return search.Matched == reader!.Number && search.Pcrs.Contains(settings.Pcr) ? search : null;
    }

    /// <returns>False: it was extended into other banks.</returns>
    static bool TryReadBase(
        IReadOnlyList<SealedSegment> chain, ListSettings settings, DigestSet digests, out ReplayBase? from)
    {
        from = null;
        if (chain.Count == 0)
        {
            return true;
        }

        Manifest last = chain[^1].Manifest;
        PcrBanks pcrs = PcrTables.Read(last.PcrsAfter, digests);
        from = new ReplayBase(last.End, pcrs, last.KernelEntries == last.Entries);
        return pcrs.Banks.SequenceEqual(settings.Banks);
    }

    /// <summary>Is a file missing between others, or of a segment that is not sealed?</summary>
    static bool HasGap(string list, int first)
    {
        int[] there = [.. SegmentFiles.Numbers(list).Where(number => File.Exists(SegmentFiles.Data(list, number)))];
        return there.Length > 0 && (there[^1] - there[0] != there.Length - 1 || there[0] > first);
    }

    static void Seal(
        string list, IReadOnlyList<SealedSegment> chain, string? damaged, ListSettings settings, PcrSearch search, string version,
        DigestSet digests)
    {
        if (damaged != null)
        {
            // As when a list is opened: the last manifest is made anew.
            File.Move(damaged, damaged + ".damaged", overwrite: true);
        }

        HashAlgorithm[] padded = [.. search.Banks.Where(bank => bank.IsPadded).Select(bank => bank.Bank)];
        try
        {
            _ = ListTail.Seal(
                list, chain, settings.Banks, new SealFacts(ListsByName.BootOf(list), padded, Extended: true, version), digests);
        }
        catch (RecordException e)
        {
            throw new ListException(
                $"the TPM goes on from {list}, as after a kexec, but that list is damaged: {e.Message}. Reboot to begin a new one");
        }
    }

    /// <summary>
    /// What is known of this list by its entries of the earlier boot is of no use any more. What was staged is in front of
    /// the list again, as in the kernel.
    /// </summary>
    static void Forget(StateDirectory state, string list)
    {
        File.Delete(StateDirectory.TableIn(list));
        File.Delete(state.OwnPath);
        ListWindow.Unstage(list);
    }
}
