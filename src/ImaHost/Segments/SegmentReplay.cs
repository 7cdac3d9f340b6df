using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>Walks through the records of one segment: what do they extend, starting from what was before?</summary>
/// <param name="pcrs">What the PCRs held before; afterwards what they hold.</param>
/// <param name="byKernel">The kernel still wrote the list when the segment began.</param>
/// <param name="padded">The banks in which the kernel has extended SHA-1 padded with zeros.</param>
sealed class SegmentReplay(PcrBanks pcrs, bool byKernel, IReadOnlyList<HashAlgorithm> padded, DigestSet digests)
{
    static readonly byte[] StartName = "imahost-start"u8.ToArray();

    readonly ByteBuilder _line = new();
    readonly Digest[] _extended = new Digest[pcrs.Banks.Count];

    /// <summary>As far as it has come.</summary>
    public LogExtent Extent { get; private set; }

    public long Violations { get; private set; }

    /// <summary>How many of the first entries are the kernel's.</summary>
    public long KernelEntries { get; private set; }

    /// <summary>The PCR of the first entry; -1: there is none.</summary>
    public int FirstPcr { get; private set; } = -1;

    public PcrBanks Pcrs => pcrs;

    /// <summary>The kernel may have written what follows.</summary>
    public bool IsKernels { get; private set; } = byKernel;

    /// <summary>Is it the entry from which on the host wrote the list?</summary>
    public static bool IsHostStart(in MeasurementRecord record) =>
        TemplateDescriptor.Find(record.TemplateName) != null && record.ReadName().SequenceEqual(StartName);

    /// <summary>Takes all records up to the end.</summary>
    /// <exception cref="RecordException">Some record is damaged, or the end cuts one off.</exception>
    public void Run(LogReader reader)
    {
        long first = reader.Offset;
        _ = Take(reader, long.MaxValue);
        Extent = Extent with { BinaryBytes = reader.End - first };
    }

    /// <summary>Takes the next records.</summary>
    /// <param name="most">So many of them.</param>
    /// <returns>How many were taken: fewer at the end only.</returns>
    /// <exception cref="RecordException">Some record is damaged, or the end cuts one off.</exception>
    public long Take(LogReader reader, long most)
    {
        Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
        long taken = 0;
        for (; taken < most && reader.Next(out MeasurementRecord record); taken++)
        {
            try
            {
                Take(in record, scratch);
            }
            catch (RecordException e) when (e.Message == e.Reason)
            {
                throw reader.Locate(e);
            }
        }

        return taken == most || reader.Rest == 0
            ? taken
            : throw reader.Locate(new RecordException($"the last {reader.Rest} bytes are no whole record"));
    }

    void Take(in MeasurementRecord record, Span<byte> scratch)
    {
        if (record.Pcr is < 0 or > TpmCommands.MaxPcr)
        {
            throw new RecordException($"no TPM has a PCR {record.Pcr}");
        }

        IsKernels = IsKernels && !IsHostStart(in record);
        KernelEntries += IsKernels ? 1 : 0;
        FirstPcr = FirstPcr < 0 ? record.Pcr : FirstPcr;
        Violations += record.IsViolation ? 1 : 0;
        ReadOnlySpan<byte> hashed = record.HashedData(scratch);
        RequireDigest(in record, hashed);
        for (int i = 0; i < _extended.Length; i++)
        {
            HashAlgorithm bank = pcrs.Banks[i];
            HashAlgorithm algorithm = IsKernels && padded.Contains(bank) ? HashAlgorithm.Sha1 : bank;
            _extended[i] = EntryDigests.Of(bank, algorithm, hashed, record.IsViolation, digests);
        }

        pcrs.Extend(record.Pcr, _extended);
        _line.Clear();
        record.AppendAscii(_line);
        Extent += new LogExtent(1, 0, _line.Length);
    }

    void RequireDigest(in MeasurementRecord record, ReadOnlySpan<byte> hashed)
    {
        if (!record.IsViolation && !digests.Hash(HashAlgorithm.Sha1, hashed).Bytes.SequenceEqual(record.TemplateDigest))
        {
            throw new RecordException("the template digest is not that of the data");
        }
    }
}
