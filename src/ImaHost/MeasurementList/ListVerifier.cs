using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>Where a list breaks.</summary>
/// <param name="Entry">The number of the record, counted from 0.</param>
/// <param name="Offset">Where it begins, bytes.</param>
sealed record ListBreak(long Entry, long Offset, string Cause);

/// <summary>One entry, for a reader to find it.</summary>
/// <param name="Entry">Its number, counted from 0.</param>
/// <param name="Name">As log lines show names; nothing where its template has none, or is unknown.</param>
sealed record EntryLabel(long Entry, int Pcr, string Name);

/// <summary>Does the first entry agree with PCRs 0 to 9?</summary>
enum BootAggregateCheck
{
    /// <summary>It is no boot_aggregate, or not all of those PCRs are known.</summary>
    Unknown,
    /// <summary>It is theirs.</summary>
    Matches,
    /// <summary>It is not: they were extended since, or it is of another boot.</summary>
    Differs,
}

/// <summary>
/// Replays a list: is every template digest that of its data, and after which entry do the PCRs hold what they hold?
/// Nothing is kept of the entries, so a list of any length takes the same memory.
/// </summary>
/// <param name="held">What the PCRs hold.</param>
/// <param name="banks">Those to compare; none: the list is looked at by itself.</param>
/// <param name="from">What is known of the entries before those of the file; null: it begins with the first.</param>
sealed class ListVerifier(
    ListFile file, PcrSource held, IReadOnlyList<HashAlgorithm> banks, DigestSet digests, ReplayBase? from = null)
{
    /// <summary>Entries after the match that are named.</summary>
    const int MostFollowing = 10;

    readonly List<EntryLabel> _following = [];
    RecordReader? _reader;
    HashAlgorithm? _algorithm;

    /// <summary>What the PCRs say.</summary>
    public PcrSearch Search { get; } = new(banks, held, digests, from);

    /// <summary>Whole records, and those before the file.</summary>
    public long Entries { get; private set; }

    /// <summary>Violations among all records.</summary>
    public long Violations { get; private set; }

    /// <summary>The number of the first of them, counted from 0; -1: there is none.</summary>
    public long FirstViolation { get; private set; } = -1;

    /// <summary>The first entry that is not what it says, or null.</summary>
    public ListBreak? Break { get; private set; }

    /// <summary>The last entry that the PCRs vouch for, or null.</summary>
    public EntryLabel? LastVouched { get; private set; }

    /// <summary>The first entries after that.</summary>
    public IReadOnlyList<EntryLabel> Following => _following;

    public BootAggregateCheck BootAggregate { get; private set; }

    public void Run()
    {
        try
        {
            Search.Run(Open, Inspect);
            CheckEnd(_reader!);
        }
        catch (RecordException e)
        {
            Break ??= new ListBreak(_reader!.Number, _reader.Offset, e.Reason);
        }

        Entries = _reader!.Number;
        if (Search.Matched > 0)
        {
            LabelMatch(Search.Matched);
        }
    }

    void LabelMatch(long matched)
    {
        RecordReader reader = file.Open();
        long end = Math.Min(Entries, matched + MostFollowing);
        while (reader.Next(out MeasurementRecord record) && reader.Number < end)
        {
            long number = reader.Number;
            if (number == matched - 1)
            {
                LastVouched = Label(number, in record);
            }
            else if (number >= matched)
            {
                _following.Add(Label(number, in record));
            }
        }
    }

    static EntryLabel Label(long number, in MeasurementRecord record) => new(
        number, record.Pcr,
        TemplateDescriptor.Find(record.TemplateName) == null ? "" : EntryName.ToText(record.ReadName()));

    /// <summary>The first pass is the one whose reader tells where we are.</summary>
    RecordReader Open()
    {
        RecordReader reader = file.Open();
        _reader ??= reader;
        return reader;
    }

    void CheckEnd(RecordReader reader)
    {
        if (reader.Rest > 0)
        {
            Break ??= new ListBreak(
                reader.Number, reader.Offset, $"the list ends after {reader.Rest} bytes of it, which are no whole record");
        }
    }

    void Inspect(in MeasurementRecord record, ReadOnlySpan<byte> hashed, in Digest sha1)
    {
        CheckData(in record);
        if (_reader!.Number == 0)
        {
            BootAggregate = CheckBootAggregate(in record);
        }

        if (record.IsViolation)
        {
            FirstViolation = Violations++ == 0 ? _reader.Number : FirstViolation;
            return;
        }

        _algorithm ??= FindAlgorithm(record.TemplateDigest, hashed);
        Digest given = _algorithm == HashAlgorithm.Sha1 ? sha1 : digests.Hash(_algorithm, hashed);
        if (!given.Bytes.SequenceEqual(record.TemplateDigest) && Break == null)
        {
            string shown = Convert.ToHexStringLower(record.TemplateDigest);
            Break = new ListBreak(
                _reader.Number, _reader.Offset,
                $"{Describe(in record)} shows the template digest {shown}, but its data give {given}");
        }
    }

    /// <summary>Several have digests of one size: which gives this one? If none does, the entry is at fault.</summary>
    HashAlgorithm FindAlgorithm(ReadOnlySpan<byte> digest, ReadOnlySpan<byte> hashed)
    {
        HashAlgorithm? first = null;
        foreach (HashAlgorithm algorithm in HashAlgorithm.Banks)
        {
            if (algorithm.Size == digest.Length)
            {
                first ??= algorithm;
                if (digests.Hash(algorithm, hashed).Bytes.SequenceEqual(digest))
                {
                    return algorithm;
                }
            }
        }

        return first ?? HashAlgorithm.Sha1;
    }

    BootAggregateCheck CheckBootAggregate(in MeasurementRecord record)
    {
        TemplateDescriptor? template = TemplateDescriptor.Find(record.TemplateName);
        if (template == null || !record.ReadName().SequenceEqual(Measurement.BootAggregate.Name))
        {
            return BootAggregateCheck.Unknown;
        }

        ReadOnlySpan<byte> data = record.Data;
        ReadOnlySpan<byte> field = template.TakeField(template.Fields[0], ref data);
        HashAlgorithm? bank = HashAlgorithm.Sha1;
        if (template.Fields[0] != TemplateField.LegacyDigest)
        {
            bank = HashAlgorithm.FromName(FieldText.AlgorithmOf(field[..Math.Max(field.IndexOf((byte)0), 0)]));
        }

        if (bank == null || !Measurement.BootAggregate.TryCompute(held, bank, digests, out Digest digest))
        {
            return BootAggregateCheck.Unknown;
        }

        return field.EndsWith(digest.Bytes) ? BootAggregateCheck.Matches : BootAggregateCheck.Differs;
    }

    /// <summary>
    /// Data that are not those of their template are no entry, even under their own digest. One whose template is
    /// unknown says nothing, but can be replayed.
    /// </summary>
    void CheckData(in MeasurementRecord record)
    {
        if (TemplateDescriptor.Find(record.TemplateName) is { } template)
        {
            template.Check(record.Data, record.IsViolation);
        }
        else
        {
            Break ??= new ListBreak(
                _reader!.Number, _reader.Offset, $"unknown template \"{FieldText.Quote(record.TemplateName)}\"");
        }
    }

    static string Describe(in MeasurementRecord record) => $"\"{Label(0, in record).Name}\"";
}
