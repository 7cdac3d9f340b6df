namespace ImaHost.Fuzz;

/// <summary>What the fuzzer begins with for reference lists: one of each form, and their words.</summary>
static class ReferenceSeeds
{
    static readonly string Hex256 = new('a', 64);
    static readonly string Hex384 = new('b', 96);
    static readonly string Hex512 = new('c', 128);

    static readonly string Header = string.Join('\n',
    [
        "# imahost package list 1", "# manager: dpkg", "# package: bash", "# version: 5.2", "# architecture: amd64",
        "# recorded: unpack 2026-11-30T09:00:00Z", "# key: 0a1b2c3d", "",
    ]);

    static readonly (string Target, string Case, string Text)[] Seeds =
    [
        ("sums", "plain", $"{Hex256}  /usr/bin/a\n{Hex384} */usr/bin/a\r\n{Hex512}  -\n# comment\n\n"),
        ("sums", "tagged", $"SHA256 (/a) = {Hex256}\nSHA2-512(/a)= {Hex512}\nSM3 (a) = b) = {Hex256}\n"),
        ("sums", "escaped", $"\\{Hex256}  /a\\nb\\\\c\\r\n\\SHA256 (/\\n) = {Hex256}\n"),
        ("sums", "package", $"{Header}{Hex256}  /usr/bin/a\n"),
        ("sums", "twice", $"{Hex256}  /a\n{Hex256}  ./a\n"),
        ("list", "all", $"version: 1\npaths: [/a/**]\nexpires: 2027-12-31\ndigests:\n- sha256: {Hex256}\n- {{sha512: {Hex512}, path: /a/*}}\n- verity: sha256:{Hex256}\n"),
        ("list", "exact", $"version: 1\nexpires: 2027-12-31T12:00:00+02:00\ndigests: [{{sha384: {Hex384}, path: /a}}, {{sha256: {Hex256}, path: '/a'}}]\n"),
        ("keylime", "all", $"{{\"meta\": {{\"version\": 1}}, \"release\": 0, \"digests\": {{\"/a\": [\"{Hex256}\", \"{Hex512}\"], \"/\\u00e4\": [\"{Hex384}\"], \"boot_aggregate\": [\"00\"]}}, \"excludes\": [\"x\"], \"keyrings\": {{}}, \"ima\": {{\"dm_policy\": null}}, \"ima-buf\": {{}}, \"verification-keys\": \"\"}}"),
        ("keylime", "weak", $"{{\"digests\": {{\"/a\": [\"{new string('d', 40)}\"],\n\"/b\": [\"{Hex256}\"]}}}}"),
    ];

    /// <summary>Makes a folder for each target.</summary>
    public static void Write(string into)
    {
        foreach ((string target, string name, string text) in Seeds)
        {
            string folder = Path.Combine(into, target);
            _ = Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, name), text);
        }
    }

    public static IEnumerable<string> Words() =>
    [
        Hex256, Hex384, Hex512, $"{Hex256}  /", $"\\{Hex256}  ", "SHA256 (", "SHA512 (", ") = ", ")= ", "\r\n", Header,
        "\ndigests:\n", "\n- {sha256: ", ", path: ", "verity: sha256:", "expires: 2027-12-31", "paths: [",
        "\"digests\": {", "\"meta\": {\"version\": 1}", "\"/a\": [", "\\u00e4", "\\ud83d\\ude00",
    ];
}
