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
    /// <summary>When each file that was told of had changed last.</summary>
    readonly RecentFiles<long> _told = new();

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
        if (_told.Change(in stat, stat.Ctime, static (_, ctime) => ctime) == stat.Ctime)
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
