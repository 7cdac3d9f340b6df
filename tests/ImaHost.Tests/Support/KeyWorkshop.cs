using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImaHost.Tests.Support;

/// <summary>Makes keys and certificates by openssl(1), in a directory of a test.</summary>
sealed class KeyWorkshop(TemporaryDirectory directory)
{
    public static readonly string[] Rsa = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    public static readonly string[] Ec = Curve("P-256");

    public static string[] Curve(string name) => ["EC", "-pkeyopt", $"ec_paramgen_curve:{name}"];

    /// <returns>The path of NAME.pem, a private key.</returns>
    public string MakeKey(string name, params string[] algorithm)
    {
        string path = directory.At(name + ".pem");
        OpenSsl(["genpkey", "-out", path, "-algorithm", .. algorithm]);
        return path;
    }

    /// <returns>The path of NAME.pub.</returns>
    public static string PublicOf(string key)
    {
        string path = Path.ChangeExtension(key, ".pub");
        OpenSsl(["pkey", "-in", key, "-pubout", "-out", path]);
        return path;
    }

    /// <returns>The path of NAME.crt.</returns>
    public static string CertificateOf(string key, params string[] options)
    {
        string path = Path.ChangeExtension(key, ".crt");
        OpenSsl(["req", "-x509", "-key", key, "-subj", "/CN=policies", "-out", path, .. options]);
        return path;
    }

    /// <summary>A certificate with an end of one's choice, and an identifier or none.</summary>
    /// <returns>The path of NAME.der.</returns>
    public string CertificateUntil(string name, RSA key, DateTimeOffset end, byte[]? identifier)
    {
        var request = new CertificateRequest("CN=release", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        if (identifier != null)
        {
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(identifier, critical: false));
        }

        using X509Certificate2 certificate = request.CreateSelfSigned(end.AddYears(-1), end);
        string path = directory.At(name + ".der");
        File.WriteAllBytes(path, certificate.RawData);
        return path;
    }

    /// <summary>Keys of RSA are made with dots and plus signs that nobody reads.</summary>
    public static void OpenSsl(params string[] arguments) =>
        Child.Run("/bin/sh", ["-c", "exec timeout -s KILL 30 openssl \"$@\" 2>&-", "openssl", .. arguments]);
}
