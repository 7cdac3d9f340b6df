using System.CommandLine;
using ImaHost.Appraisal;

namespace ImaHost.Cli;

/// <summary>The options of <c>imahost label</c> that have it sign instead of writing hashes.</summary>
static class SigningOptions
{
    static readonly Option<string> Key = new("--sign")
    {
        Description = "sign with this private key: a PEM file, or a pkcs11: URI",
        HelpName = "KEY",
    };

    static readonly Option<string> PassFile = new("--pass-file")
    {
        Description = "the file whose first line unlocks the key: its passphrase, or the token's PIN",
        HelpName = "FILE",
    };

    static readonly Option<string> Certificate = new("--cert")
    {
        Description = "the key's certificate, whose identifier the signatures name",
        HelpName = "FILE",
    };

    static readonly Option<bool> Verity = new("--verity")
    {
        Description = "sign the fs-verity digest of the files that have one",
    };

    public static IReadOnlyList<Option> All => [Key, PassFile, Certificate, Verity];

    /// <summary>Does it want the fs-verity digest signed?</summary>
    public static bool IsOfVerity(ParseResult parsed) => parsed.GetValue(Verity);

    /// <returns>Who signs, or null: hashes are written.</returns>
    /// <exception cref="SignerException">The key cannot be used, or an option makes no sense without one.</exception>
    public static LabelSigner? Open(ParseResult parsed)
    {
        string? key = parsed.GetValue(Key);
        Option? idle = key != null ? null : All.Skip(1).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false });
        return idle != null ? throw new SignerException($"{idle.Name} is for --sign KEY, which is missing")
            : key == null ? null
            : LabelSigner.Open(key, parsed.GetValue(PassFile), parsed.GetValue(Certificate));
    }
}
