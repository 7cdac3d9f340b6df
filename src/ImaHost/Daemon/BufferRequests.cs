using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Measurement;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Takes buffers that services and administrators want in the list: "measure TEMPLATE NAME" with the bytes, where
/// TEMPLATE is root's to choose, "-" for others. Whoever may ask can say anything about himself, but must not be taken for another: names of
/// files and of the host's own entries are not given away, and those of the kernel's buffers and keyrings to root alone.
/// </summary>
/// <param name="users">The user ids that may ask, besides root.</param>
sealed class BufferRequests(
    ImaEngine engine, RuntimeMeasurements list, IReadOnlyList<uint> users, ILogger log) : IDisposable
{
    /// <summary>Bytes of one buffer, whatever is configured.</summary>
    public const int MostBytes = 1 << 22;

    const int MaxName = 255;
    const string Verb = "measure ";
    static readonly string[] Reserved = ["/", "imahost-", "boot_aggregate", "[inode_"];
    static readonly string[] ReservedForRoot = [".", "_", "dm_", "kernel_", "kexec-", "selinux-"];

    readonly Lock _gate = new();
    readonly Scratch _scratch = new();
    readonly DigestSet _digests = new();

    /// <returns>"stored" or "there", or "error: …"; null when that is no such request.</returns>
    public string? Answer(ControlRequest request)
    {
        if (!request.Line.StartsWith(Verb, StringComparison.Ordinal)
            || request.Line[Verb.Length..].Split(' ', 2) is not [{ } templateName, { Length: > 0 } name])
        {
            return null;
        }

        TemplateDescriptor? template = templateName == "-" ? null : TemplateDescriptor.FindForRule(templateName);
        string? refusal = RefuseName(request.Uid, name)
            ?? (templateName == "-" ? null : RefuseTemplate(request.Uid, templateName, template, engine.Options.Template));
        string answer = refusal != null ? $"error: {refusal}\n" : Measure(name, request, template);
        string shown = EntryName.ToText(Encoding.UTF8.GetBytes(name));
        string outcome = answer.TrimEnd('\n');
        Logging.BufferMeasured(log, shown, request.Uid, outcome);
        return answer;
    }

    /// <summary>Why that user may not measure, or null.</summary>
    public string? RefuseUser(uint uid) => uid == 0 || users.Contains(uid)
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"user {uid} may not measure (measure_users: in imahost.yaml)");

    /// <summary>
    /// Why that user's entry may not have that template, or null. Each entry has a name, and shows it as it was judged.
    /// </summary>
    /// <param name="template">What the name means; null: nothing.</param>
    /// <param name="listed">The template of the list.</param>
    public static string? RefuseTemplate(uint uid, string name, TemplateDescriptor? template, TemplateDescriptor listed) =>
        uid != 0 ? "only root chooses a template"
        : template == null ? $"there is no template {name}"
        : template.IsLegacy ? (listed.IsLegacy ? null : $"template {template.Name} is for lists of it alone")
        : !template.Fields.Contains(TemplateField.NameNg) ? $"template {name} has no field n-ng"
        : template.Fields.Distinct().Count() < template.Fields.Count ? $"template {name} has a field twice"
        : null;

    public void Dispose()
    {
        _scratch.Dispose();
        _digests.Dispose();
    }

    string Measure(string name, ControlRequest request, TemplateDescriptor? template)
    {
        var buffer = new CollectedBuffer(Encoding.UTF8.GetBytes(name), request.Data);
        var subject = new Subject { Known = SubjectFacts.Ids, Uid = request.Uid, Gid = request.Gid };
        lock (_gate)
        {
            StoreOutcome outcome = engine.Measure(
                new BufferMeasurement(buffer, template, subject, engine.Options, _digests), _scratch);
            return outcome switch
            {
                StoreOutcome.Stored => "stored\n",
                StoreOutcome.AlreadyThere => "there\n",
                StoreOutcome.NotExtended or StoreOutcome.NotStored or _ =>
                    $"error: {list.Fault ?? "it could not be recorded"}\n",
            };
        }
    }

    static string? RefuseName(uint uid, string name)
    {
        if (name.Contains('\ufffd', StringComparison.Ordinal))
        {
            return "the name is not UTF-8";
        }

        // As it will stand in the entry: spaces become "_" there.
        var written = new ByteBuilder();
        EntryName.Append(Encoding.UTF8.GetBytes(name), written);
        if (written.Length > MaxName)
        {
            return $"the name is longer than {MaxName} bytes";
        }

        string shown = Encoding.UTF8.GetString(written.Written);
        string? prefix = Reserved.Concat(uid == 0 ? [] : ReservedForRoot)
            .FirstOrDefault(one => shown.StartsWith(one, StringComparison.Ordinal));
        return prefix == null ? null : $"names that begin with \"{prefix}\" are given to others";
    }
}
