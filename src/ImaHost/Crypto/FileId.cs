namespace ImaHost.Crypto;

/// <summary>
/// What a signature of version 3 signs in place of an fs-verity digest: the hash of <c>06 algorithm digest</c> (struct
/// ima_file_id, calc_file_id_hash). So nobody can pass off the signature of a content for that of an fs-verity digest.
/// </summary>
static class FileId
{
    /// <returns>By the algorithm of the fs-verity digest.</returns>
    public static Digest Of(in Digest verity)
    {
        Span<byte> id = stackalloc byte[2 + HashAlgorithm.MaxSize];
        id[0] = (byte)SecurityImaType.VeritySignature;
        id[1] = verity.Algorithm.KernelId;
        verity.Bytes.CopyTo(id[2..]);
        return Digest.Of(verity.Algorithm, id[..(2 + verity.Algorithm.Size)]);
    }
}
