using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Tests.Support;

/// <summary>What an entry is made of when nothing is left out.</summary>
static class FullSource
{
    public static readonly byte[] Sha256Bytes = [.. Enumerable.Range(0, 32).Select(number => (byte)(0xa0 + number))];
    public static readonly byte[] Sha1Bytes = [.. Enumerable.Range(0, 20).Select(number => (byte)(0x10 + number))];

    public static FieldSource Create()
    {
        var xattrs = new ProtectedXattrs();
        xattrs.Add("security.selinux\0"u8, "label\0"u8);
        xattrs.Add("security.ima\0"u8, [4, 4, 0]);
        return new FieldSource
        {
            Digest = new Digest(HashAlgorithm.Sha256, Sha256Bytes),
            Sha1 = new Digest(HashAlgorithm.Sha1, Sha1Bytes),
            Name = "/srv/a b"u8,
            Signature = [3, 2, 0xff],
            EvmSignature = [5, 2, 0],
            UnsignedDigest = new Digest(HashAlgorithm.Sha384, [.. Sha256Bytes, .. Sha1Bytes]),
            AppendedSignature = [0x30, 0x82, 0],
            Buffer = "buf fer"u8,
            HasInode = true,
            Uid = 4242,
            Gid = uint.MaxValue,
            Mode = 0x81a4,
            Xattrs = xattrs,
        };
    }

    /// <summary>A source that has no more than every entry has.</summary>
    public static FieldSource CreateLeast() => new()
    {
        Digest = new Digest(HashAlgorithm.Sha1, Sha1Bytes),
        Name = "boot_aggregate"u8,
    };
}
