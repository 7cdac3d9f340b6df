using System.Text.RegularExpressions;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What is in the packages.</summary>
public sealed partial class PackageContentTests
{
    const string Program = "/usr/sbin/imahost";
    const string Guard = "/usr/libexec/imahost/imahost-guard";
    const string Loader = "/usr/libexec/imahost/imahost-bpf";

    /// <summary>Directories and what Debian adds to every package aside.</summary>
    static readonly string[] Files =
    [
        "/etc/imahost/imahost.yaml",
        "/usr/lib/ima/policy.d/50-default.yaml",
        "/usr/lib/modules-load.d/imahost.conf",
        "/usr/lib/sysusers.d/imahost.conf",
        "/usr/lib/tmpfiles.d/imahost.conf",
        Guard,
        Loader,
        "/usr/libexec/imahost/service",
        Program,
        "/usr/share/bash-completion/completions/imahost",
        "/usr/share/doc/imahost/SECURITY.md",
        "/usr/share/doc/imahost/examples/keylime/imahost.conf",
        "/usr/share/fish/vendor_completions.d/imahost.fish",
        "/usr/share/man/man5/imahost-policy.5.gz",
        "/usr/share/man/man5/imahost-segment.5.gz",
        "/usr/share/man/man5/imahost.yaml.5.gz",
        "/usr/share/man/man8/imahost.8.gz",
    ];

    static readonly string[] Units =
        ["imahost-export.service", "imahost-export.timer", "imahost-flush.service", "imahost.service"];

    [Fact]
    public void Debian_package_holds_what_belongs_on_a_machine_and_nothing_else()
    {
        string[] expected =
        [
            .. Files, .. Units.Select(unit => $"/lib/systemd/system/{unit}"), "/etc/dpkg/dpkg.cfg.d/imahost",
            "/usr/share/doc/imahost/NEWS.gz", "/usr/share/doc/imahost/README.md.gz", "/usr/share/doc/imahost/changelog.gz",
            "/usr/share/doc/imahost/copyright", "/usr/share/lintian/overrides/imahost",
            "/usr/share/zsh/vendor-completions/_imahost",
        ];
        string[] files = Lines(Shell.Must("find", BuiltPackage.At("/"), "-not", "-type", "d", "-printf", "/%P\n"));
        Assert.Equal(expected.Order(StringComparer.Ordinal), files.Order(StringComparer.Ordinal));
        Assert.Equal(
            "/etc/dpkg/dpkg.cfg.d/imahost\n/etc/imahost/imahost.yaml\n",
            Shell.Must("dpkg-deb", "-I", BuiltPackage.Deb, "conffiles"));
    }

    [Fact]
    public void Rpm_holds_the_same_in_its_own_places()
    {
        string[] expected =
        [
            .. Files, .. Units.Select(unit => $"/usr/lib/systemd/system/{unit}"),
            "/usr/lib/systemd/system-preset/80-imahost.preset", "/usr/share/doc/imahost/CHANGELOG.md",
            "/usr/share/doc/imahost/LICENSE", "/usr/share/doc/imahost/README.md", "/usr/share/zsh/site-functions/_imahost",
        ];
        string listed = Shell.Must("rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILENAMES}\n]", BuiltPackage.Rpm);
        string[] files = [.. Lines(listed).Where(line => line[0] == '-').Select(line => line.Split(' ')[1])];
        Assert.Equal(expected.Order(StringComparer.Ordinal), files.Order(StringComparer.Ordinal));
        Assert.Equal("/etc/imahost/imahost.yaml\n", Shell.Must("rpm", "-qpc", BuiltPackage.Rpm));
        Assert.Contains("imahost packages rpm-hook", Shell.Must("rpm", "-qp", "--filetriggers", BuiltPackage.Rpm), StringComparison.Ordinal);
    }

    [Fact]
    public void Lintian_has_nothing_to_say()
    {
        Outcome outcome = Shell.Script($"lintian -EI --pedantic --allow-root --color never {BuiltPackage.Deb} {BuiltPackage.DebSymbols}", 240);
        Assert.True(outcome is { Status: 0, Output: "" }, outcome.Output + outcome.Errors);
    }

    [Theory]
    [InlineData(Program)]
    [InlineData(Guard)]
    [InlineData(Loader)]
    public void Native_code_is_hardened_and_has_no_symbols(string path)
    {
        string said = Shell.Must("readelf", "-W", "-h", "-l", "-d", "-S", BuiltPackage.At(path));
        Assert.Matches(@"Type:\s+DYN ", said);
        Assert.Contains("GNU_RELRO", said, StringComparison.Ordinal);
        Assert.Matches(@"\(FLAGS\)\s+BIND_NOW|\(BIND_NOW\)|\(FLAGS_1\)\s+Flags: NOW", said);
        Assert.Matches(@"\(FLAGS_1\)\s+Flags:.* PIE", said);
        Assert.Matches(@"GNU_STACK( +0x0+){3} +0x0+ +0x0+ RW ", said);
        Assert.DoesNotMatch(@"LOAD .* RWE ", said);
        Assert.DoesNotContain(".symtab", said, StringComparison.Ordinal);
        Assert.DoesNotContain(".debug_", said, StringComparison.Ordinal);
    }

    /// <summary>A static program shows what it calls by its symbols, and those are apart: in what it was made of.</summary>
    [Fact]
    public void Guard_has_its_stack_and_its_buffers_checked()
    {
        string symbols = Shell.Must("nm", Bench.Guard);
        Assert.Contains(" __stack_chk_fail", symbols, StringComparison.Ordinal);
        Assert.Matches(@"\b__(snprintf|vsnprintf|memcpy|read|poll)_chk\b", symbols);
    }

    [Fact]
    public void Host_needs_nothing_but_the_C_library()
    {
        string dynamic = Shell.Must("readelf", "-d", BuiltPackage.At(Program));
        string[] needed = [.. Needed().Matches(dynamic).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)];
        Assert.Equal(["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6"], needed);
        Assert.DoesNotContain("dotnet", Shell.Must("dpkg-deb", "-f", BuiltPackage.Deb, "Depends"), StringComparison.Ordinal);
    }

    [Fact]
    public void Symbols_are_in_a_package_of_their_own()
    {
        string symbols = Shell.Must("dpkg-deb", "-c", BuiltPackage.DebSymbols);
        foreach (string path in (string[])[Program, Guard, Loader])
        {
            string id = BuildId().Match(Shell.Must("readelf", "-n", BuiltPackage.At(path))).Groups[1].Value;
            Assert.Contains($"/usr/lib/debug/.build-id/{id[..2]}/{id[2..]}.debug", symbols, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Installed_rules_measure_programs_and_appraise_by_whoever_vouches()
    {
        string shown = Shell.Must(Bench.Program, "policy", "show", BuiltPackage.At("/usr/lib/ima/policy.d/50-default.yaml"));
        Assert.Equal(Shell.Must(Bench.Program, "policy", "show", "packages"), shown);
        string[] settings = File.ReadAllLines(BuiltPackage.At("/etc/imahost/imahost.yaml"));
        Assert.DoesNotContain(settings, line => line.StartsWith("appraise:", StringComparison.Ordinal));
        Assert.Contains("  - all", settings);
    }

    [Fact]
    public void Keylime_is_shown_the_list_where_it_is_published() => Assert.Contains(
        "ima_ml_path = \"/run/ima/ascii_runtime_measurements\"",
        File.ReadAllLines(BuiltPackage.At("/usr/share/doc/imahost/examples/keylime/imahost.conf")));

    static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"\(NEEDED\).*\[(.*)\]")]
    private static partial Regex Needed();

    [GeneratedRegex("Build ID: ([0-9a-f]+)")]
    private static partial Regex BuildId();
}
