using System.Text.Json.Serialization;
using ImaHost.Appraisal;
using ImaHost.Tpm;

namespace ImaHost.Daemon;

/// <summary>What accesses are answered at once while no host comes up.</summary>
enum HostDownAction
{
    /// <summary>What they would be answered at their deadline.</summary>
    Wait,
    /// <summary>Programs are refused; data, and what only root can have written, is opened: root repairs with it.</summary>
    Deny,
    /// <summary>Everything is allowed. How often is entered in the list when a host comes up.</summary>
    Allow,
}

/// <summary>What happens to accesses while no host comes up.</summary>
/// <param name="Limit">Milliseconds before that; until then each waits for its own deadline.</param>
sealed record HostDown(HostDownAction Action, int Limit)
{
    const int WaitLimit = 60000;

    /// <summary>Without a limit: who waits, waits a minute.</summary>
    public static HostDown Of(HostDownAction action) => new(action, action == HostDownAction.Wait ? WaitLimit : 0);
}

/// <summary>Milliseconds until an access is answered without a verdict, by what it is.</summary>
/// <param name="Exec">Program starts (BPRM_CHECK).</param>
/// <param name="Mmap">Opens of ELF files (MMAP_CHECK).</param>
/// <param name="Read">Other opens (FILE_CHECK).</param>
sealed record Deadlines(int Exec, int Mmap, int Read)
{
    public static Deadlines All(int limit) => new(limit, limit, limit);

    [JsonIgnore]
    public int Least => Math.Min(Exec, Math.Min(Mmap, Read));

    /// <summary>By the words of the guard's --deadline.</summary>
    [JsonIgnore]
    public IEnumerable<(string Kind, int Limit)> ByKind => [("exec", Exec), ("mmap", Mmap), ("read", Read)];
}

/// <summary>How log lines look.</summary>
enum LogFormat
{
    /// <summary>One line of text; with priorities under systemd.</summary>
    Text,
    /// <summary>One JSON object a line.</summary>
    Json,
}

/// <summary>What becomes of the BPF programs that see what fanotify cannot.</summary>
enum BpfUse
{
    /// <summary>Where the kernel takes them: under enforce they refuse, else they report.</summary>
    Auto,
    /// <summary>They are not loaded, and taken away where they are.</summary>
    Off,
    /// <summary>They report, under enforce too.</summary>
    Report,
    /// <summary>As auto, and without them the service does not start.</summary>
    Require,
}

/// <summary>What becomes of code in files that no filesystem shows: memfds, shared memory.</summary>
enum FilelessCode
{
    /// <summary>It is refused.</summary>
    Deny,
    /// <summary>It is let through.</summary>
    Allow,
    /// <summary>It is let through, and told each time.</summary>
    Measure,
}

/// <summary>Guard, host and their files are sheltered from whoever is not spared, root too.</summary>
/// <param name="Capability">Who has it in the initial user namespace is spared.</param>
/// <param name="Programs">So are processes that run one of these.</param>
sealed record SelfProtection(int Capability, IReadOnlyList<string> Programs);

/// <summary>All settings of the daemon, from the command line, the configuration files and their defaults.</summary>
sealed record DaemonOptions
{
    static readonly string[] DefaultKeys = ["/etc/keys/ima"];
    static readonly string[] DefaultBlacklist = ["/etc/ima/blacklist.d"];
    static readonly string[] DefaultReference = ["/usr/lib/ima/reference.d", "/etc/ima/reference.d"];

    /// <summary>What to watch, see <see cref="WatchSelection"/>.</summary>
    public IReadOnlyList<string> Watch { get; init; } = [];

    /// <summary>Names of built-in policies, files and directories of rules; none: the standard drop-in directories.</summary>
    public IReadOnlyList<string> Policy { get; init; } = [];

    /// <summary>The built-in policies that are in force when there are no rules; none: the default one.</summary>
    public IReadOnlyList<string> PolicyFallback { get; init; } = [];

    /// <summary>Certificates or public keys: only files of rules that one of them has signed are loaded. None: any file.</summary>
    public IReadOnlyList<string> PolicyKeys { get; init; } = [];

    /// <summary>The kernel's own ima= … switches are heeded.</summary>
    public bool KernelCommandLine { get; init; }

    /// <summary>They say that nothing is to be watched.</summary>
    public bool IsOff { get; init; }

    /// <summary>device:PATH, swtpm:…, none; null: /dev/tpmrm0, or else an swtpm of our own.</summary>
    public string? Tpm { get; init; }

    /// <summary>Where the list is published.</summary>
    public string Fs { get; init; } = "/run/ima";

    /// <summary>The group that may read the published list, a name or a number; null: root alone.</summary>
    public string? ListGroup { get; init; }

    /// <summary>Where the list is kept.</summary>
    public string State { get; init; } = "/var/lib/imahost";

    public AppraiseMode Appraise { get; init; }

    /// <summary>Certificates and public keys that signatures in security.ima are verified with: files and directories.</summary>
    public IReadOnlyList<string> Keys { get; init; } = DefaultKeys;

    public ExpiredKeys ExpiredKeys { get; init; }

    /// <summary>Digests and keys that were revoked: files and directories.</summary>
    public IReadOnlyList<string> Blacklist { get; init; } = DefaultBlacklist;

    /// <summary>Lists of digests that vouch for files: files and directories.</summary>
    public IReadOnlyList<string> Reference { get; init; } = DefaultReference;

    /// <summary>Certificates or public keys: only lists that one of them has signed are taken. None: any list.</summary>
    public IReadOnlyList<string> ReferenceKeys { get; init; } = [];

    /// <summary>Seconds for which the digests of a package version stay valid when another has taken its place.</summary>
    public int PackageGrace { get; init; } = 60;

    /// <summary>A socket that metrics are read from; null: none.</summary>
    public string? MetricsSocket { get; init; }

    /// <summary>A file that metrics are written to now and then; null: none.</summary>
    public string? MetricsFile { get; init; }

    public int Pcr { get; init; } = 10;

    /// <summary>ima_hash= of the kernel.</summary>
    public string Hash { get; init; } = "sha256";

    /// <summary>ima_template= of the kernel.</summary>
    public string Template { get; init; } = "ima-sig";

    public Deadlines Deadline { get; init; } = Deadlines.All(10000);

    /// <summary>Milliseconds the TPM has for one command.</summary>
    public int TpmTimeout { get; init; } = 3000;

    /// <summary>The key that signs quotes: ecc, rsa, or a persistent handle.</summary>
    public string AttestationKey { get; init; } = "ecc";

    /// <summary>Verdicts held in the kernel at most.</summary>
    public int Cache { get; init; } = 8192;

    public HostDown HostDown { get; init; } = HostDown.Of(HostDownAction.Wait);

    public BpfUse Bpf { get; init; } = BpfUse.Off;

    public FilelessCode Fileless { get; init; }

    /// <summary>By BPF programs; null: only as the kernel protects any process of root's.</summary>
    public SelfProtection? SelfProtection { get; init; }

    /// <summary>A socket at which services have buffers measured; null: none.</summary>
    public string? MeasureSocket { get; init; }

    /// <summary>The user ids that may do so, besides root.</summary>
    public IReadOnlyList<uint> MeasureUsers { get; init; } = [];

    /// <summary>Bytes of one such buffer at most.</summary>
    public int MeasureLimit { get; init; } = 64 * 1024;

    public LogFormat LogFormat { get; init; }

    /// <summary>What becomes of the list when it is long.</summary>
    public LogOptions Log { get; init; } = new();

    /// <summary>What the launcher found out and the host needs; not configured by anybody.</summary>
    public ResolvedEnvironment? Resolved { get; init; }

    /// <summary>Whatever cannot be judged is denied under enforce, else allowed and recorded.</summary>
    [JsonIgnore]
    public bool FailAllows => Appraise != AppraiseMode.Enforce;
}

/// <param name="Tpm">The transport, or "none".</param>
/// <param name="Banks">The TPM's allocated banks, by name.</param>
/// <param name="IsEmbeddedTpm">The TPM is an swtpm of our own.</param>
/// <param name="Watched">What is configured to be watched, for people to read.</param>
/// <param name="MayLabel">The hosts get the right to write security.ima.</param>
/// <param name="ListGroup">The group id of what is published.</param>
sealed record ResolvedEnvironment(
    string Tpm, IReadOnlyList<string> Banks, bool IsEmbeddedTpm, IReadOnlyList<string> Watched, bool MayLabel, uint ListGroup)
{
    /// <summary>The attestation key, made before anybody waits; null: it is persistent, or there is none.</summary>
    public MadeKey? Key { get; init; }

    /// <summary>Why no BPF programs are at work; null: they are.</summary>
    public string? WithoutBpf { get; init; }
}

/// <summary>Options as JSON: how the launcher hands them to the hosts that the guard starts.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(DaemonOptions))]
sealed partial class DaemonOptionsJson : JsonSerializerContext;
