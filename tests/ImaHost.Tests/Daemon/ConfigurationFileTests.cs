using System.Reflection;
using ImaHost.Appraisal;
using ImaHost.Daemon;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class ConfigurationFileTests : IDisposable
{
    static readonly string Example = Path.Combine(Repository.Root, "packaging", "imahost.yaml");
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Packaged_configuration_measures_everything_and_refuses_nothing()
    {
        DaemonOptions read = ConfigurationFile.Read(Example, required: true);
        Assert.Equal(["all"], read.Watch);
        Assert.Equal("ima", read.ListGroup);
        Assert.Equal(AppraiseMode.Off, read.Appraise);
        Assert.Equal(new DaemonOptions(), read with { Watch = new DaemonOptions().Watch, ListGroup = null });
    }

    [Fact]
    public void Packaged_example_comments_out_the_defaults()
    {
        string[] hints = ["policy:", "policy_keys:", "tpm:", "keys:", "blacklist:", "reference:", "reference_keys:", "metrics_"];
        string[] settings = [.. File.ReadLines(Example)
            .Where(line => System.Text.RegularExpressions.Regex.IsMatch(line, "^# [a-z_]+: "))
            .Select(line => line[2..])
            .Where(line => !hints.Any(hint => line.StartsWith(hint, StringComparison.Ordinal)))];
        string path = _directory.Write("defaults.yaml", string.Join('\n', settings));
        Assert.Equal(19, settings.Length);
        Assert.Equal(new DaemonOptions(), ConfigurationFile.Read(path, required: true));
    }

    [Fact]
    public void Export_closes_segments_at_its_limits()
    {
        LogOptions log = Read(
            "log: {segment_entries: 100, export: {directory: /d, max_entries: 7, max_bytes: 9, max_age: 5m, command: [/bin/x, y]}}").Log;
        Assert.Equal(new SegmentLimits(7, 9), log.Limits);
        Assert.Equal(new ExportTarget("/d", IsDirectory: true, Append: false), log.Export!.Target);
        Assert.Equal(300, log.Export.MaxAge);
        Assert.Equal(["/bin/x", "y"], log.Export.Command);
        log = Read("log: {export: {file: /f, append: true, max_entries: 1000000}}").Log;
        Assert.Equal(SegmentLimits.Default, log.Limits);
        Assert.Equal("append:/f", log.Export!.Target!.ToString());
        Assert.Null(Read("log: {export: {command: x}, retention: exported}").Log.Export!.Target);
    }

    [Fact]
    public void Read_takes_every_key()
    {
        DaemonOptions options = Read(
            """
            watch: [/, /srv]
            policy: [/etc/ima/a, /etc/ima/b]
            policy_keys: /etc/keys/a.pem
            kernel_command_line: true
            tpm: device:/dev/tpm0
            fs: /run/other
            state: /var/other
            list_group: adm
            appraise: enforce
            keys: [/etc/keys/a, /etc/keys/b.der]
            expired_keys: refuse
            blacklist: /etc/ima/revoked
            reference: [/srv/lists]
            reference_keys: /etc/keys/lists.pem
            package_grace: 0
            metrics_socket: /run/metrics
            metrics_file: /srv/imahost.prom
            pcr: 11
            hash: sha384
            template: ima-ng
            deadline: 20000
            tpm_timeout: 500
            attestation_key: 0x81010002
            cache: 0
            measure_socket: /run/m
            measure_users: [33, 1000]
            measure_limit: 5
            host_down: deny
            bpf: require
            fileless: measure
            self_protection: {capability: CAP_MAC_ADMIN, programs: [/usr/bin/dpkg]}
            log_format: json
            log: {segment_entries: 5, segment_bytes: 6, retention: {since: 2d}}
            """);
        Assert.Equal(["/", "/srv"], options.Watch);
        Assert.Equal(["/etc/ima/a", "/etc/ima/b"], options.Policy);
        Assert.Equal(["/etc/keys/a.pem"], options.PolicyKeys);
        Assert.Equal([33u, 1000u], options.MeasureUsers);
        Assert.Equal(["/etc/keys/a", "/etc/keys/b.der"], options.Keys);
        Assert.Equal(["/etc/ima/revoked"], options.Blacklist);
        Assert.Equal(["/srv/lists"], options.Reference);
        Assert.Equal(["/etc/keys/lists.pem"], options.ReferenceKeys);
        Assert.Equal((33, "/usr/bin/dpkg"), (options.SelfProtection!.Capability, Assert.Single(options.SelfProtection.Programs)));
        Assert.Equal(
            new DaemonOptions
            {
                Watch = options.Watch,
                Policy = options.Policy,
                PolicyKeys = options.PolicyKeys,
                KernelCommandLine = true,
                MeasureUsers = options.MeasureUsers,
                MeasureSocket = "/run/m",
                MeasureLimit = 5,
                Tpm = "device:/dev/tpm0",
                Fs = "/run/other",
                State = "/var/other",
                ListGroup = "adm",
                Appraise = AppraiseMode.Enforce,
                Keys = options.Keys,
                ExpiredKeys = ExpiredKeys.Refuse,
                Blacklist = options.Blacklist,
                Reference = options.Reference,
                ReferenceKeys = options.ReferenceKeys,
                PackageGrace = 0,
                MetricsSocket = "/run/metrics",
                MetricsFile = "/srv/imahost.prom",
                Pcr = 11,
                Hash = "sha384",
                Template = "ima-ng",
                Deadline = Deadlines.All(20000),
                TpmTimeout = 500,
                AttestationKey = "0x81010002",
                Cache = 0,
                HostDown = HostDown.Of(HostDownAction.Deny),
                Bpf = BpfUse.Require,
                Fileless = FilelessCode.Measure,
                SelfProtection = options.SelfProtection,
                LogFormat = LogFormat.Json,
                Log = new LogOptions
                {
                    SegmentEntries = 5,
                    SegmentBytes = 6,
                    Retention = new Retention(RetentionKind.Since, 172_800),
                },
            },
            options);

        // What is not configured by a key of its own: a new setting without a key shows up here.
        Assert.Equal(
            [nameof(DaemonOptions.IsOff), nameof(DaemonOptions.PolicyFallback), nameof(DaemonOptions.Resolved)],
            UnchangedIn(options));
    }

    [Fact]
    public void Read_takes_one_word_for_a_list_of_one()
    {
        Assert.Equal(["/srv"], Read("watch: /srv").Watch);
        Assert.Empty(Read("watch: []").Watch);
    }

    [Fact]
    public void Read_takes_mounts_that_come_and_go_in_one_word_or_as_a_key() => Assert.Equal(
        ["/srv", "type:ext4", "type:xfs", "mount:/media/**", "mount:/mnt", "all"],
        Read(
            """
            watch:
              - /srv
              - type:ext4
              - type: xfs
              - mount:/media/**
              - mount: /mnt
              - all
            """).Watch);

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("---\n{}\n")]
    public void Read_gives_the_defaults_for_an_empty_file(string text) => Assert.Equal(new DaemonOptions(), Read(text));

    [Fact]
    public void Read_gives_the_defaults_when_a_file_that_nobody_named_is_missing() =>
        Assert.Equal(new DaemonOptions(), ConfigurationFile.Read(_directory.At("none.yaml"), required: false));

    [Fact]
    public void Read_refuses_damage_that_has_no_place()
    {
        ConfigurationException refused = Assert.Throws<ConfigurationException>(() => Read("watch: [a\nb: c"));
        Assert.EndsWith(".yaml: this is not YAML", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_wants_the_file_that_was_named()
    {
        string path = _directory.At("none.yaml");
        ConfigurationException refused =
            Assert.Throws<ConfigurationException>(() => ConfigurationFile.Read(path, required: true));
        Assert.StartsWith($"{path}: ", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fs: /run/ima\n  wtach: /", ":2:8: ")]
    [InlineData("wtach: [/]", ":1:1: unknown key \"wtach\"; the nearest known one is \"watch\"")]
    [InlineData("pcr: 10\ntpm-timeout: 10", ":2:1: unknown key \"tpm-timeout\"; the nearest known one is \"tpm_timeout\"")]
    [InlineData("resolved: x", ":1:1: unknown key \"resolved\"")]
    [InlineData("pcr: 24", ":1:6: \"pcr\" takes a number from 0 to 23")]
    [InlineData("attestation_key: dsa", ":1:18: \"attestation_key\" takes ecc, rsa or a persistent handle (0x81…)")]
    [InlineData("pcr: -1", ":1:6: \"pcr\" takes a number from 0 to 23")]
    [InlineData("pcr: ten", ":1:6: \"pcr\" takes a number")]
    [InlineData("pcr: 0x0a", ":1:6: \"pcr\" takes a number")]
    [InlineData("pcr: [10]", ":1:6: \"pcr\" takes a text")]
    [InlineData("pcr:", ":1:5: \"pcr\" takes a text")]
    [InlineData("deadline: 99", ":1:11: \"deadline\" takes a number from 100 to 3600000")]
    [InlineData("deadline: 99999999999999999999", ":1:11: \"deadline\" takes a number from 100 to 3600000")]
    [InlineData("cache: 1000001", ":1:8: \"cache\" takes a number from 0 to 1000000")]
    [InlineData("measure_limit: 4194305", ":1:16: \"measure_limit\" takes a number from 1 to 4194304")]
    [InlineData("appraise: Enforce", ":1:11: \"appraise\" takes off, log, fix or enforce")]
    [InlineData("deadline: {exec: 99}", ":1:12: \"deadline\" has no \"exec\"; known are default, BPRM_CHECK, MMAP_CHECK, FILE_CHECK")]
    [InlineData("deadline: {BPRM_CHECK: 99}", ":1:24: \"deadline: BPRM_CHECK\" takes a number from 100 to 3600000")]
    [InlineData("host_down: {action: panic}", ":1:21: \"host_down: action\" takes wait, deny or allow")]
    [InlineData("host_down: {limit: -1}", ":1:20: \"host_down: limit\" takes a number from 0 to 3600000")]
    [InlineData("host_down: panic", ":1:12: \"host_down\" takes wait, deny or allow")]
    [InlineData("bpf: enforce", ":1:6: \"bpf\" takes auto, off, report or require")]
    [InlineData("self_protection: on", ":1:18: \"self_protection\" takes off or a capability, like CAP_MAC_ADMIN")]
    [InlineData("self_protection: {capability: CAP_NONE}", ":1:31: \"self_protection: capability\" takes off or a capability, like CAP_MAC_ADMIN")]
    [InlineData("self_protection: {programs: [/usr/bin/dpkg]}", ":1:18: \"self_protection\" takes a capability, whose owners are spared")]
    [InlineData("self_protection: {capability: CAP_BPF, programs: [dpkg]}", ":1:51: \"self_protection: programs\" takes an absolute path")]
    [InlineData("fileless: refuse", ":1:11: \"fileless\" takes deny, allow or measure")]
    [InlineData("log: 1", ":1:6: \"log\" takes a mapping")]
    [InlineData("log: {segments: 1}", ":1:7: \"log\" has no \"segments\"; ")]
    [InlineData("log: {segment_entries: 0}", ":1:24: \"log: segment_entries\" takes a number from 1 on")]
    [InlineData("log: {retention: some}", ":1:18: \"log: retention\" takes all, exported, keep: N or since: DURATION")]
    [InlineData("log: {retention: {keep: 1, since: 1d}}", ":1:18: \"log: retention\" takes one of keep and since")]
    [InlineData("log: {retention: {since: 1w}}", ":1:26: \"log: retention: since\" takes a time such as 90s, 15m, 12h or 30d")]
    [InlineData("log: {export: {file: relative}}", ":1:22: \"log: export: file\" takes an absolute path")]
    [InlineData("log: {export: {}}", ":1:15: \"log: export\" takes either file or directory, or a command alone")]
    [InlineData("log: {export: {file: /a, directory: /b}}", ":1:15: \"log: export\" takes either file or directory, or a command alone")]
    [InlineData("log_format: 1", ":1:13: \"log_format\" takes text or json")]
    [InlineData("watch: [/, [/srv]]", ":1:12: \"watch\" takes an absolute path, type:NAME, mount:GLOB or all")]
    [InlineData("watch: {a: b}", ":1:8: \"watch\" takes an absolute path")]
    [InlineData("watch: {type: a, mount: /b}", ":1:8: \"watch\" takes an absolute path")]
    [InlineData("watch: ''", ":1:8: \"watch\" takes an absolute path")]
    [InlineData("watch:\n- /\n- srv", ":3:3: \"watch\" takes an absolute path")]
    [InlineData("watch: All", ":1:8: \"watch\" takes an absolute path")]
    [InlineData("watch: tpye:ext4", ":1:8: \"watch\" takes an absolute path")]
    [InlineData("watch:\n- /\n- type:", ":3:3: ")]
    [InlineData("watch: 'type:ext 4'", ":1:8: \"watch\": \"type:ext 4\" names no type of filesystem")]
    [InlineData("watch: [/, type:nfs4]", ":1:12: \"watch\": \"type:nfs4\" cannot be watched: a server answers for it")]
    [InlineData("watch: [type:fuse.imahost]", ":1:9: \"watch\": \"type:fuse.imahost\" names no type of filesystem")]
    [InlineData("watch: mount:media/*", ":1:8: \"watch\": \"mount:media/*\" names no mount points")]
    [InlineData("watch:\n- mount: media", ":2:3: \"watch\": \"mount:media\" names no mount points")]
    [InlineData("watch: 'mount:/a[b'", ":1:8: \"watch\": ")]
    [InlineData("- watch", ":1:1: keys with values are expected")]
    [InlineData("watch", ":1:1: keys with values are expected")]
    [InlineData("? [a]\n: b", ":1:3: ")]
    [InlineData("{a: b}: c", ":1:1: ")]
    [InlineData("pcr: 10\npcr: 11", ":2:1: ")]
    [InlineData("watch: [/", ":")]
    [InlineData("watch: \"/", ":")]
    [InlineData("watch: *nobody", ":1:")]
    public void Read_refuses_a_mistake_and_names_its_place(string text, string expected)
    {
        string path = _directory.Write("imahost.yaml", text);
        ConfigurationException refused =
            Assert.Throws<ConfigurationException>(() => ConfigurationFile.Read(path, required: true));
        Assert.StartsWith(path + expected, refused.Message, StringComparison.Ordinal);
        Assert.Matches(@"^[^:]+:\d+:\d+: .", refused.Message);
    }

    [Fact]
    public void Read_refuses_a_file_that_is_too_large_before_it_reads_it()
    {
        string path = _directory.Write("imahost.yaml", "#" + new string('x', 1 << 20));
        ConfigurationException refused =
            Assert.Throws<ConfigurationException>(() => ConfigurationFile.Read(path, required: true));
        Assert.Equal($"{path}: longer than 1048576 bytes", refused.Message);
    }

    [Fact]
    public void Drop_ins_override_the_file_and_one_another_by_name()
    {
        string path = _directory.Write("imahost.yaml", "pcr: 11\ncache: 1\nhash: sha1\n");
        _ = _directory.Write("imahost.yaml.d/20-later.yaml", "cache: 3\n");
        _ = _directory.Write("imahost.yaml.d/10-first.yaml", "cache: 2\nhash: sha512\n");
        _ = _directory.Write("imahost.yaml.d/30-ignored.yml", "cache: 4\n");
        DaemonOptions options = ConfigurationFile.Read(path, required: true);
        Assert.Equal(new DaemonOptions { Pcr = 11, Cache = 3, Hash = "sha512" }, options);
    }

    [Fact]
    public void Drop_ins_count_without_the_file_and_are_named_in_errors()
    {
        string dropIn = _directory.Write("imahost.yaml.d/10-site.yaml", "cache: 2\n");
        string path = _directory.At("imahost.yaml");
        Assert.Equal(2, ConfigurationFile.Read(path, required: false).Cache);
        File.WriteAllText(dropIn, "cahce: 2\n");
        ConfigurationException refused =
            Assert.Throws<ConfigurationException>(() => ConfigurationFile.Read(path, required: false));
        Assert.StartsWith($"{dropIn}:1:1: unknown key \"cahce\"", refused.Message, StringComparison.Ordinal);
    }

    static IEnumerable<string> UnchangedIn(DaemonOptions options) =>
        typeof(DaemonOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => Equals(property.GetValue(options), property.GetValue(new DaemonOptions())))
            .Select(property => property.Name).Order(StringComparer.Ordinal);

    DaemonOptions Read(string text) => ConfigurationFile.Read(_directory.Write("imahost.yaml", text), required: true);
}
