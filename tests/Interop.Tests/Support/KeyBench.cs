namespace ImaHost.InteropTests.Support;

/// <summary>Keys of several kinds, whose certificates a daemon trusts but for one, and what is revoked.</summary>
public sealed class KeyBench
{
    /// <summary>The one that nobody trusts.</summary>
    const string Stranger = "stranger";

    static readonly (string Name, string[] Options)[] Kinds =
    [
        ("rsa", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        ("p256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("p384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        (Stranger, ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ];

    readonly string _private = Bench.NewDirectory("private");
    readonly string _blacklist = Bench.NewDirectory("blacklist");

    public KeyBench()
    {
        string trusted = Bench.NewDirectory("trusted");
        foreach ((string name, string[] options) in Kinds)
        {
            Shell.Must("openssl", ["genpkey", "-out", this[name], .. options]);
            string into = Path.Combine(name == Stranger ? _private : trusted, $"{name}.der");
            Shell.Must("openssl", "req", "-x509", "-key", this[name], "-subj", $"/CN={name}", "-outform", "DER", "-out", into);
        }

        Lists = Bench.NewDirectory("lists");
        Configuration = Bench.NewFile("imahost.yaml", $"keys: [{trusted}]\nblacklist: [{_blacklist}]\nreference: [{Lists}]\n");
    }

    /// <summary>A configuration file that names all of it.</summary>
    public string Configuration { get; }

    /// <summary>A directory for lists of digests, empty at first.</summary>
    public string Lists { get; }

    /// <summary>The private key of that name.</summary>
    public string this[string name] => Path.Combine(_private, $"{name}.pem");

    /// <summary>Writes what is revoked, in the place of what was.</summary>
    public void Revoke(string lines) => File.WriteAllText(Path.Combine(_blacklist, "site"), lines + "\n");

    /// <summary>security.ima in hex, with 0x before it.</summary>
    public static string ReadLabel(string file) =>
        Shell.Must("getfattr", "--absolute-names", "-e", "hex", "-n", "security.ima", file).Split('=')[1].Trim();
}
