using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary>Verifies a directory that <c>imahost evidence</c> wrote, without a TPM, a host or the machine it is of.</summary>
/// <param name="trusted">The key that the verifier knows to be that TPM's.</param>
/// <param name="nonce">What the verifier asked with.</param>
/// <param name="known">The manifest from whose end on it is verified; null: from the first entry.</param>
sealed class EvidenceVerifier(string directory, QuoteKey trusted, byte[] nonce, TrustedBase? known = null)
{
    /// <summary>No file of a quote is nearly as long.</summary>
    const int MostBytes = 1 << 16;

    readonly List<QuoteCheck> _checks = [];
    readonly QuoteVerifier _quote = new(trusted, nonce);

    /// <summary>In the order in which they were made; what cannot be checked after a fault is left out.</summary>
    public IReadOnlyList<QuoteCheck> Checks => _checks;

    /// <summary>What the TPM says of its clock; null when no quote was found.</summary>
    public TpmClock? Clock => _quote.Attest?.Clock;

    /// <summary>What was found out of the list; null when the quote proves no PCR values.</summary>
    public VerifyReport? List { get; private set; }

    /// <summary>The first entry that was verified.</summary>
    public long FirstEntry { get; private set; }

    /// <summary>Files of the directory that were not looked at.</summary>
    public IReadOnlyList<string> Others { get; private set; } = [];

    public void Run(bool ignoreViolations)
    {
        CheckKeys();
        CheckQuote();
        if (_quote.IsProven && _quote.Pcrs is { } pcrs)
        {
            CheckFile(QuoteFiles.PcrText, $"shows the values of {QuoteFiles.Pcrs}", Encoding.ASCII.GetBytes(pcrs.ToString()));
            if (TryReadPlace(out EvidencePlace? place) && CheckList(place, pcrs, ignoreViolations))
            {
                using var manifests = new EvidenceManifests(directory, trusted, place, known, PcrTables.Of(pcrs));
                _checks.AddRange(manifests.Run());
            }
        }

        string[] looked =
        [
            QuoteFiles.Message, QuoteFiles.Signature, QuoteFiles.Pcrs, QuoteFiles.PcrText, QuoteFiles.Key, QuoteFiles.KeyPem,
            EvidenceFiles.Binary, EvidenceFiles.Ascii, EvidenceFiles.Place,
        ];
        Others = [.. Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(directory, path))
            .Except(looked).Except(EvidenceManifests.NamesIn(directory)).Order(StringComparer.Ordinal)];
    }

    /// <summary>They come along for people; only the trusted key decides, so they must be that one.</summary>
    void CheckKeys()
    {
        const string claim = "is the trusted key";
        if (trusted.Public is { } known)
        {
            CheckFile(QuoteFiles.Key, claim, known.Sized);
        }
        else if (TryRead(QuoteFiles.Key, claim, out byte[] bytes))
        {
            Check(QuoteFiles.Key, claim, WhyNotTrusted(bytes));
        }

        CheckFile(QuoteFiles.KeyPem, claim, Encoding.ASCII.GetBytes(trusted.ToPem()));
    }

    string? WhyNotTrusted(byte[] bytes)
    {
        try
        {
            using var key = QuoteKey.Read(bytes, "");
            return key.Public != null && key.Encoded.AsSpan().SequenceEqual(trusted.Encoded) ? null : "is another key than the trusted one";
        }
        catch (TpmException e)
        {
            return e.Message.TrimStart();
        }
    }

    void CheckQuote()
    {
        if (TryRead(QuoteFiles.Message, "is there", out byte[] message)
            & TryRead(QuoteFiles.Signature, "is there", out byte[] signature)
            & TryRead(QuoteFiles.Pcrs, "is there", out byte[] pcrs))
        {
            _quote.Run(message, signature, pcrs);
            _checks.AddRange(_quote.Checks);
        }
    }

    bool TryReadPlace([NotNullWhen(true)] out EvidencePlace? place)
    {
        string claim = $"says which part of the list {EvidenceFiles.Binary} is";
        place = null;
        if (!TryRead(EvidenceFiles.Place, claim, out byte[] bytes))
        {
            return false;
        }

        try
        {
            place = EvidencePlace.Read(bytes);
            Check(EvidenceFiles.Place, claim, null);
        }
        catch (FormatException e)
        {
            Check(EvidenceFiles.Place, claim, e.Message);
        }

        return place != null;
    }

    /// <returns>It is as it should be.</returns>
    bool CheckList(EvidencePlace place, QuotedPcrs pcrs, bool ignoreViolations)
    {
        const string vouched = "gives, after its last entry, the quoted PCR values";
        string path = Path.Combine(directory, EvidenceFiles.Binary);
        if (!IsFile(path))
        {
            Check(EvidenceFiles.Binary, vouched, "is not there");
            return false;
        }

        using var digests = new DigestSet();
        if (EvidenceStart.Find(place, known, pcrs.Selection, digests, out string why) is not { } start)
        {
            Check(EvidenceFiles.Binary, vouched, why);
            return false;
        }

        FirstEntry = start.Entry;
        PcrValues values = pcrs.ToValues(QuoteFiles.Pcrs);
        using var file = new ListFile(path, (start.Offset, start.Entry));
        var verifier = new ListVerifier(file, values.TryGet, values.Banks, digests, start.From);
        verifier.Run();
        List = VerifyReport.Make(verifier, file, QuoteFiles.Pcrs, exact: true, ignoreViolations);
        string? fault = WhyNotCovered(verifier.Search, pcrs, digests)
            ?? (List.Verified ? null : $"does not agree: {string.Join("; ", List.Reasons)}")
            ?? WhyNotPlaced(place, new FileInfo(path).Length, List.Entries);
        Check(EvidenceFiles.Binary, vouched, fault);
        CheckAscii(path, fault);
        return fault == null;
    }

    static string? WhyNotPlaced(EvidencePlace place, long bytes, long entries) => entries == place.FirstEntry + place.Entries && bytes == place.Bytes
        ? null
        : string.Create(
            CultureInfo.InvariantCulture,
            $"has {bytes} bytes and ends with entry {entries - 1}; {EvidenceFiles.Place} says {place.Bytes} bytes and entry {place.FirstEntry + place.Entries - 1}");

    /// <summary>Entries of a PCR must not vanish with the PCR, nor with its values.</summary>
    static string? WhyNotCovered(PcrSearch search, QuotedPcrs pcrs, DigestSet digests)
    {
        int[] missing = [.. search.Banks.SelectMany(bank => bank.Missing)];
        if (missing.Length > 0)
        {
            return $"extends PCR {missing[0]}, which {QuoteFiles.Message} is not about";
        }

        var blank = new PcrBanks([.. pcrs.Selection.Banks.Select(bank => bank.Bank)], digests);
        foreach (((HashAlgorithm bank, int pcr), Digest value) in pcrs.Selection.Items.Zip(pcrs.Values))
        {
            int index = blank.Banks.ToList().IndexOf(bank);
            bool isBlank = blank[pcr][index].Bytes.SequenceEqual(value.Bytes);
            if (pcr >= PcrQuoter.BootPcrs && !isBlank && !search.Pcrs.Contains(pcr))
            {
                return $"has no entry of PCR {pcr}, which {QuoteFiles.Pcrs} shows extended";
            }
        }

        return null;
    }

    void CheckAscii(string list, string? fault)
    {
        const string same = $"shows {EvidenceFiles.Binary}";
        string path = Path.Combine(directory, EvidenceFiles.Ascii);
        if (!IsFile(path))
        {
            Check(EvidenceFiles.Ascii, same, "is not there");
        }
        else if (fault == null)
        {
            Check(EvidenceFiles.Ascii, same, Compare(list, path));
        }
    }

    /// <summary>From the first record on, also where the replay begins later.</summary>
    static string? Compare(string list, string ascii)
    {
        using var binary = new ListFile(list);
        try
        {
            long difference = EvidenceFiles.FindDifference(binary, ascii);
            return difference < 0 ? null : $"differs from {EvidenceFiles.Binary} at offset {difference}";
        }
        catch (RecordException e)
        {
            return $"cannot be compared with {EvidenceFiles.Binary}: {e.Message}";
        }
    }

    void CheckFile(string name, string claim, byte[] expected)
    {
        if (TryRead(name, claim, out byte[] bytes))
        {
            Check(name, claim, bytes.AsSpan().SequenceEqual(expected) ? null : $"is not what it should be ({claim})");
        }
    }

    bool TryRead(string name, string claim, out byte[] bytes)
    {
        string path = Path.Combine(directory, name);
        bytes = [];
        bool isThere = IsFile(path);
        long length = isThere ? new FileInfo(path).Length : 0;
        if (isThere && length <= MostBytes)
        {
            bytes = File.ReadAllBytes(path);
            return true;
        }

        Check(name, claim, isThere ? $"has {length} bytes, more than it can have" : "is not there");
        return false;
    }

    /// <summary>Nothing else is opened: to open a FIFO is to wait for somebody who writes.</summary>
    static bool IsFile(string path) => FileStat.TryOfPath(path, out FileStat stat) && stat.IsRegular;

    void Check(string file, string claim, string? fault) =>
        _checks.Add(new QuoteCheck(file, claim, fault == null ? null : $"{file} {fault}"));
}
