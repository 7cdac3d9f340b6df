using System.Text;
using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Fuzz;

/// <summary>
/// What the fuzzer begins with: the lists that kernels wrote, a small list with every template, an attribute of every
/// kind; and the words it may put into them.
/// </summary>
static class Seeds
{
    /// <summary>Every kind of field that the templates with a name have not: "d" and "n" with their lengths.</summary>
    const string CustomFormat = "d|n|xattrnames|iuid|imode|d-modsig";

    /// <summary>Lines that were once accepted, although no record is shown so.</summary>
    static readonly (string Case, string Fields)[] Refused =
    [
        ("digits-in-upper-case", "ima-sig md5:00 /a AB"),
        ("number-with-leading-zero", "iuid 07"),
        ("name-with-nul", "ima-ng md5:00 /a\0b"),
        ("algorithm-in-upper-case", "ima-ng SHA1:00 /a"),
        ("digest-of-two-algorithms", $"ima-ng sha256:{new string('0', 56)}:00000000 /a"),
        ("short-digest", "ima-ng sha256:00 /a"),
        ("short-legacy-digest", "ima 0123 /a"),
        ("legacy-digest-that-holds-the-name", $"ima {new string('0', 40)}020000002f61 /b"),
    ];

    /// <summary>Makes a folder for each target, and the dictionary words.</summary>
    /// <param name="vectors">A folder of folders, each with a list in both forms.</param>
    public static void Write(string vectors, string into)
    {
        foreach (string target in (string[])["binary", "ascii", "xattr", "quote"])
        {
            _ = Directory.CreateDirectory(Path.Combine(into, target));
        }

        foreach (string vector in Directory.GetDirectories(vectors))
        {
            foreach (string form in (string[])["binary", "ascii"])
            {
                string list = Path.Combine(vector, $"{form}_runtime_measurements");
                File.Copy(list, Path.Combine(into, form, Path.GetFileName(vector)), overwrite: true);
            }
        }

        WriteLists(into);
        foreach ((string name, string fields) in Refused)
        {
            File.WriteAllText(Path.Combine(into, "ascii", name), $"10 {new string('0', 40)} {fields}\n");
        }

        WriteAttributes(Path.Combine(into, "xattr"));
        WriteQuotes(Path.Combine(vectors, "..", "quotes"), Path.Combine(into, "quote"));
        PolicySeeds.Write(into);
        ReferenceSeeds.Write(into);
        File.WriteAllLines(Path.Combine(into, "words"), Words().Concat(PolicySeeds.Words()).Concat(ReferenceSeeds.Words()).Distinct().Select(Quote));
    }

    /// <summary>The list itself and its twins: one for each size of a template digest.</summary>
    static void WriteLists(string into)
    {
        var binary = new ByteBuilder();
        var text = new ByteBuilder();
        foreach (HashAlgorithm algorithm in HashAlgorithm.Banks)
        {
            binary.Clear();
            text.Clear();
            foreach (string name in TemplateDescriptor.Names.Append(CustomFormat))
            {
                Append(name, algorithm, binary, text);
            }

            File.WriteAllBytes(Path.Combine(into, "binary", algorithm.Name), binary.Written);
            File.WriteAllBytes(Path.Combine(into, "ascii", algorithm.Name), text.Written);
        }
    }

    static void Append(string name, HashAlgorithm algorithm, ByteBuilder binary, ByteBuilder text)
    {
        TemplateDescriptor template =
            TemplateDescriptor.Find(name) ?? throw new ArgumentException($"no such template: {name}");
        var xattrs = new ProtectedXattrs();
        xattrs.Add("security.ima\0"u8, Bytes(5));
        xattrs.Add("security.capability\0"u8, Bytes(3));
        var source = new FieldSource
        {
            Digest = new Digest(algorithm, Bytes(algorithm.Size)),
            Sha1 = new Digest(HashAlgorithm.Sha1, Bytes(HashAlgorithm.Sha1.Size)),
            Name = "/a\nb"u8,
            Signature = Bytes(11),
            EvmSignature = Bytes(7),
            UnsignedDigest = new Digest(algorithm, Bytes(algorithm.Size)),
            AppendedSignature = Bytes(6),
            Buffer = Bytes(9),
            HasInode = true,
            Uid = 1000,
            Gid = 100,
            Mode = 0x81a4,
            Xattrs = xattrs,
        };
        var data = new ByteBuilder();
        template.AppendData(in source, data);
        var record = new MeasurementRecord
        {
            Pcr = 10,
            TemplateDigest = Bytes(algorithm.Size),
            TemplateName = template.Utf8Name,
            Data = data.Written,
        };
        record.AppendBinary(binary);
        record.AppendAscii(text);
    }

    static void WriteAttributes(string into)
    {
        byte[] value = new byte[2 + HashAlgorithm.MaxSize];
        foreach (HashAlgorithm algorithm in HashAlgorithm.All)
        {
            int size = SecurityIma.Write(new Digest(algorithm, Bytes(algorithm.Size)), value);
            File.WriteAllBytes(Path.Combine(into, algorithm.Name), value.AsSpan(0, size));
            byte id = algorithm.KernelId;
            File.WriteAllBytes(Path.Combine(into, $"signature-{algorithm}"), [3, 2, id, 1, 2, 3, 4, 0, 8, .. Bytes(8)]);
            File.WriteAllBytes(Path.Combine(into, $"verity-{algorithm}"), [6, 3, id, 1, 2, 3, 4, 0, 8, .. Bytes(8)]);
        }

        File.WriteAllBytes(Path.Combine(into, "oversized"), [3, 2, 4, 1, 2, 3, 4, 0, 8, .. Bytes(9)]);
        File.WriteAllBytes(Path.Combine(into, "version1"), [3, 1, 0, 1, 2, 3, 4, 0, 8, .. Bytes(8)]);
        File.WriteAllBytes(Path.Combine(into, "named-sha1"), [4, 2, .. Bytes(HashAlgorithm.Sha1.Size)]);
    }

    /// <summary>Those that were recorded, each with its key in both forms.</summary>
    static void WriteQuotes(string quotes, string into)
    {
        foreach (string quote in Directory.GetDirectories(quotes))
        {
            byte[] Read(string name) => File.ReadAllBytes(Path.Combine(quote, name));
            foreach (string key in (string[])[QuoteFiles.Key, QuoteFiles.KeyPem])
            {
                byte[] input = QuoteTarget.Join(
                    Read(QuoteFiles.Message), Read(QuoteFiles.Signature), Read(QuoteFiles.Pcrs), Read(key));
                File.WriteAllBytes(Path.Combine(into, $"{Path.GetFileName(quote)}-{key}"), input);
            }
        }
    }

    static IEnumerable<string> Words()
    {
        IEnumerable<string> names = TemplateDescriptor.Names.Concat(TemplateField.All.Select(field => field.Id));
        foreach (string name in names.Append(CustomFormat))
        {
            yield return name;
            yield return $"|{name}";
            yield return $" {name} ";
            yield return $"{(char)name.Length}\0\0\0{name}";
        }

        foreach (HashAlgorithm algorithm in HashAlgorithm.All)
        {
            yield return $"{algorithm.Name}:";
            yield return $"{algorithm.Name}:\0";
            yield return $"verity:{algorithm.Name}:\0";
            yield return $"{(char)(algorithm.Name.Length + 2 + algorithm.Size)}\0\0\0{algorithm.Name}:\0";
            yield return $"{(char)algorithm.Size}\0\0\0";
            yield return $"\u0004{(char)algorithm.KernelId}";
        }

        yield return "\n10 ";
        yield return "\n 9 0000000000000000000000000000000000000000 ima-ng ";
    }

    /// <summary>A line of a dictionary of libFuzzer.</summary>
    static string Quote(string word)
    {
        var line = new StringBuilder("\"");
        foreach (char letter in word)
        {
            bool isPlain = letter is >= ' ' and <= '~' and not '"' and not '\\';
            _ = isPlain ? line.Append(letter) : line.Append($"\\x{(int)letter:x2}");
        }

        return line.Append('"').ToString();
    }

    static byte[] Bytes(int count) => [.. Enumerable.Range(1, count).Select(number => (byte)(number * 37))];
}
