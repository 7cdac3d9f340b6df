using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>The actions that decide nothing: audit and hash.</summary>
sealed class FileAudit(FileLabel label, ILogger log)
{
    /// <summary>
    /// The start of the digest that was told of each file. Not when it changed: a writer who has it mapped changes it
    /// without a trace.
    /// </summary>
    readonly RecentFiles<UInt128> _told = new();

    /// <summary>Does what the rules ask.</summary>
    public void Act(AccessRequest access, in Question question, FileMeasurement file)
    {
        if (question.Decision.Audit is { } audit)
        {
            Audit(access, audit, file);
        }

        if (question.Decision.Hash != null && !file.File.SecurityIma.IsSignature)
        {
            Hash(access, file);
        }
    }

    /// <summary>ima_audit_measurement: once for each content, as its record goes into an iint.</summary>
    void Audit(AccessRequest access, ImaRule rule, FileMeasurement file)
    {
        FileStat stat = file.File.Stat;
        UInt128 start = BinaryPrimitives.ReadUInt128BigEndian(file.File.Digest.Bytes);
        if (_told.Change(in stat, start, static (_, now) => now) == start)
        {
            return;
        }

        string path = EntryName.ToText(file.File.Path);
        string digest = file.File.Digest.ToString();
        string comm = Accessor.ReadName(access.Pid);
        uint uid = Accessor.ReadUid(access.Pid);
        EngineLog.Audited(log, path, digest, access.Pid, comm, uid, rule.Origin);
    }

    /// <summary>The digest that is there already is left.</summary>
    void Hash(AccessRequest access, FileMeasurement file)
    {
        SecurityIma xattr = file.File.SecurityIma;
        if (!xattr.IsDigest || !xattr.Digest.SequenceEqual(file.File.Digest.Bytes))
        {
            _ = label.TryWrite(access, file.File);
        }
    }
}
