using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>After how many of its entries does a list give the values that PCRs hold?</summary>
/// <param name="from">Where the search begins; null: with the first entry.</param>
sealed class PcrSearch(
    IReadOnlyList<HashAlgorithm> banks, PcrSource source, DigestSet digests, ReplayBase? from = null)
{
    readonly BankSearch[] _banks = [.. banks.Select(bank => new BankSearch(bank, isPadded: false, source, digests, from))];

    /// <summary>One for each bank. Known after <see cref="Run"/>.</summary>
    public IReadOnlyList<BankSearch> Banks => _banks;

    /// <summary>Entries after which every bank agrees; -1 when there is no such point.</summary>
    public long Matched => _banks.Length > 0 && _banks.All(bank => bank.Matched == _banks[0].Matched) ? _banks[0].Matched : -1;

    /// <summary>The PCRs of the list.</summary>
    public IReadOnlyCollection<int> Pcrs => _banks.Length > 0 ? _banks[0].Pcrs : [];

    /// <summary>Who wants to see the records on the way.</summary>
    /// <param name="sha1">The SHA-1 of what template digests are taken of.</param>
    public delegate void Visitor(in MeasurementRecord record, ReadOnlySpan<byte> hashed, in Digest sha1);

    /// <summary>
    /// Walks through the list, and a second time if some bank does not agree: a kernel may have padded it.
    /// </summary>
    /// <param name="open">Begins at the first record, or at the base.</param>
    /// <exception cref="RecordException">Some record is damaged.</exception>
    public void Run(Func<RecordReader> open, Visitor? visit = null)
    {
        Walk(open(), _banks, visit);
        BankSearch[] padded = [.. _banks
            .Where(bank => bank.Matched < 0 && from?.ByKernel != false && bank.Bank != HashAlgorithm.Sha1)
            .Select(bank => new BankSearch(bank.Bank, isPadded: true, source, digests, from))];
        if (padded.Length == 0)
        {
            return;
        }

        Walk(open(), padded, visit: null);
        foreach (BankSearch better in padded.Where(bank => bank.Matched >= 0))
        {
            _banks[Array.FindIndex(_banks, bank => bank.Bank == better.Bank)] = better;
        }
    }

    void Walk(RecordReader reader, BankSearch[] searches, Visitor? visit)
    {
        Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
        bool byKernel = searches.Any(search => search.IsPadded);
        while (reader.Next(out MeasurementRecord record))
        {
            byKernel = byKernel && !SegmentReplay.IsHostStart(in record);
            if (record.Pcr is < 0 or > TpmCommands.MaxPcr)
            {
                throw reader.Locate(new RecordException($"no TPM has a PCR {record.Pcr}"));
            }

            ReadOnlySpan<byte> hashed = HashedData(reader, in record, scratch);
            Digest sha1 = digests.Hash(HashAlgorithm.Sha1, hashed);
            visit?.Invoke(in record, hashed, in sha1);
            foreach (BankSearch search in searches)
            {
                Digest digest = search.Bank == HashAlgorithm.Sha1 && !record.IsViolation
                    ? sha1
                    : EntryDigests.Of(
                        search.Bank, byKernel ? HashAlgorithm.Sha1 : search.Bank, hashed, record.IsViolation, digests);
                search.Take(record.Pcr, in digest, reader.Number + 1);
            }
        }
    }

    static ReadOnlySpan<byte> HashedData(RecordReader reader, in MeasurementRecord record, Span<byte> scratch)
    {
        try
        {
            return record.HashedData(scratch);
        }
        catch (RecordException e)
        {
            throw reader.Locate(e);
        }
    }
}
