using ImaHost.Crypto;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>Writes the digest of a file to its security.ima (ima_fix_xattr).</summary>
sealed class FileLabel(EngineCounters counters, ILogger log)
{
    /// <returns>False, and the log says why, when it could not be written.</returns>
    public bool TryWrite(AccessRequest access, CollectedFile file)
    {
        string path = EntryName.ToText(file.Path);
        Span<byte> label = stackalloc byte[2 + HashAlgorithm.MaxSize];
        int error = access.File.SetXattr("security.ima\0"u8, label[..SecurityIma.Write(in file.Digest, label)]);
        if (error < 0)
        {
            EngineLog.NotFixed(log, path, ErrnoException.Describe(-error));
            return false;
        }

        counters.AddFixed();
        string digest = file.Digest.ToString();
        EngineLog.Fixed(log, path, digest);
        return true;
    }
}
