using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Learning;

/// <summary>A file as a list names it, with the digest it had.</summary>
/// <param name="Name">As it stands in the list, where spaces are "_" (<see cref="EntryName"/>).</param>
readonly record struct ListedFile(BytePath Name, Digest Digest);

/// <summary>
/// The files of a measurement list, whoever wrote it, in the order of their entries; each content of each file once.
/// </summary>
sealed class ListScan
{
    readonly HashAlgorithm _algorithm;
    readonly HashSet<(BytePath, string)> _seen = [];
    readonly List<ListedFile> _files = [];
    readonly Dictionary<string, int> _others = [];
    readonly SortedSet<BytePath> _violated = [];

    ListScan(HashAlgorithm algorithm) => _algorithm = algorithm;

    public IReadOnlyList<ListedFile> Files => _files;

    /// <summary>Entries that no file can be learned from, by what they are.</summary>
    public IReadOnlyDictionary<string, int> Others => _others;

    /// <summary>Names that a violation was entered for: what was read then is not known.</summary>
    public IReadOnlyCollection<BytePath> Violated => _violated;

    /// <param name="algorithm">Only digests of this one are taken.</param>
    /// <exception cref="RecordException">An entry is damaged; its place is told.</exception>
    public static ListScan Read(RecordReader reader, HashAlgorithm algorithm)
    {
        var scan = new ListScan(algorithm);
        while (reader.Next(out MeasurementRecord record))
        {
            try
            {
                scan.Take(in record);
            }
            catch (RecordException e)
            {
                throw reader.Locate(e);
            }
        }

        return scan;
    }

    void Take(in MeasurementRecord record)
    {
        var name = new BytePath(record.ReadName().ToArray());
        if (!name.IsAbsolute || record.Template.Fields.Contains(TemplateField.Buffer))
        {
            Count("no files");
            return;
        }

        if (record.IsViolation)
        {
            _ = _violated.Add(name);
            return;
        }

        if (TryReadDigest(in record, out Digest digest) && _seen.Add((name, digest.ToString())))
        {
            _files.Add(new ListedFile(name, digest));
        }
    }

    bool TryReadDigest(in MeasurementRecord record, out Digest digest)
    {
        TemplateDescriptor template = record.Template;
        ReadOnlySpan<byte> data = record.Data;
        digest = default;
        foreach (TemplateField field in template.Fields)
        {
            ReadOnlySpan<byte> bytes = template.TakeField(field, ref data);
            if (field == TemplateField.LegacyDigest)
            {
                Count(HashAlgorithm.Sha1.Name);
                return false;
            }

            if (field == TemplateField.DigestNg || field == TemplateField.DigestNgV2)
            {
                return TryTake(field.Digest!(bytes), bytes, out digest);
            }
        }

        Count("no files");
        return false;
    }

    /// <param name="value">The digest in the field.</param>
    bool TryTake(ReadOnlySpan<byte> value, ReadOnlySpan<byte> field, out Digest digest)
    {
        ReadOnlySpan<byte> name = FieldText.AlgorithmOf(field[..field.IndexOf((byte)0)]);
        digest = default;
        if (field.StartsWith("verity:"u8))
        {
            Count("fs-verity digests");
            return false;
        }

        if (!name.SequenceEqual(_algorithm.Utf8Name))
        {
            Count(System.Text.Encoding.ASCII.GetString(name));
            return false;
        }

        digest = new Digest(_algorithm, value);
        return true;
    }

    void Count(string what) => _others[what] = _others.GetValueOrDefault(what) + 1;
}
