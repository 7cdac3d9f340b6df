using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Metrics of a running host, and denials in a real journal.</summary>
public sealed class MetricsTests
{
    const int CannotExecute = 126;

    /// <summary>The strict reader of another project: what it refuses, a monitoring system does.</summary>
    const string OpenReader = """
        import sys
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
        for family in text_string_to_metric_families(sys.stdin.read()):
            for sample in family.samples:
                print(sample.name, ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items())), sample.value)
        """;

    const string TextReader = """
        import sys
        from prometheus_client.parser import text_string_to_metric_families
        for family in text_string_to_metric_families(sys.stdin.read()):
            for sample in family.samples:
                print(sample.name, ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items())), sample.value)
        """;

    [Fact]
    public void Metrics_are_read_at_a_socket_and_in_a_file()
    {
        using var volume = new Volume("ext4");
        string place = Bench.NewDirectory("metrics");
        string socket = Path.Combine(place, "socket");
        string file = Path.Combine(place, "imahost.prom");
        string config = Bench.NewFile("imahost.yaml", $"metrics_socket: {socket}\nmetrics_file: {file}\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --appraise enforce --config {config}");
        Assert.Equal(CannotExecute, Shell.Script(volume.AddProgram("program")).Status);

        string head = Shell.Must("curl", "-sS", "-I", "--unix-socket", socket, "http://localhost/metrics");
        string text = Shell.Must("curl", "-sS", "--unix-socket", socket, "http://localhost/metrics");

        Assert.Contains("Content-Type: application/openmetrics-text; version=1.0.0", head, StringComparison.Ordinal);
        Assert.EndsWith("\n# EOF\n", text, StringComparison.Ordinal);
        Outcome read = Shell.Feed(text, "/usr/bin/python3", "-c", OpenReader);
        Assert.True(read.Status == 0, read.Errors);
        string[] samples = read.Output.Split('\n');
        Assert.Equal(0, ValueOf(samples, "imahost_tpm_fault  "));
        Assert.Equal(1, ValueOf(samples, "imahost_host_starts_total  "));
        Assert.Equal(0, ValueOf(samples, "imahost_policy_fault  "));
        Assert.Equal(0, ValueOf(samples, "imahost_export_failed  "));
        Assert.Equal(1, ValueOf(samples, "imahost_segments  "));
        Assert.Equal(0, ValueOf(samples, "imahost_segments_sealed  "));
        Assert.Equal(0, ValueOf(samples, "imahost_last_seal_timestamp_seconds  "));
        Assert.Equal(ValueOf(samples, "imahost_list_bytes  "), ValueOf(samples, "imahost_segments_kept_bytes  "));
        Assert.Equal(0, ValueOf(samples, "imahost_decisions_dropped_total  "));
        Assert.True(ValueOf(samples, "imahost_appraisals_failed_total outcome=denied ") >= 1);
        Assert.True(ValueOf(samples, "imahost_judging_seconds_count stage=total ") >= 1);
        Assert.True(ValueOf(samples, "imahost_hold_seconds_bucket le=+Inf ") >= 1);
        Assert.Equal(daemon.Status().GetProperty("list").GetProperty("entries").GetDouble(), ValueOf(samples, "imahost_list_entries  "));

        Outcome older = Shell.Feed(File.ReadAllText(file), "/usr/bin/python3", "-c", TextReader);
        Assert.True(older.Status == 0, older.Errors);
        Assert.True(ValueOf(older.Output.Split('\n'), "imahost_list_entries  ") >= 1);
    }

    [Fact]
    public void Place_for_metrics_that_cannot_be_is_refused_at_the_start()
    {
        using var volume = new Volume();
        string config = Bench.NewFile("imahost.yaml", "metrics_file: nowhere/imahost.prom\n");
        using var daemon = new Daemon(volume.Path, $"--tpm none --config {config}");

        Assert.Equal(2, daemon.AwaitFailure());
        Assert.Contains("metrics_file: nowhere/imahost.prom is no absolute path", daemon.Log, StringComparison.Ordinal);
    }

    /// <summary>With a journal of its own, in namespaces of its own.</summary>
    [Fact]
    public void Denial_stands_in_the_journal_with_its_facts()
    {
        const string journald = "/lib/systemd/systemd-journald";
        Assert.SkipUnless(File.Exists(journald) && File.Exists("/etc/machine-id"), "there is no systemd-journald here");
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        string state = Bench.NewDirectory("state");
        string script = $$"""
            mount -t tmpfs tmpfs /run && mkdir -p /run/log/journal || exit 3
            timeout -s KILL 40 {{journald}} 2>/dev/null & journal=$!
            for i in $(seq 100); do [ -S /run/systemd/journal/socket ] && break; sleep 0.1; done
            exec 2>{{state}}/stderr
            JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)
            export JOURNAL_STREAM
            timeout -s KILL 40 {{Bench.Program}} daemon --watch {{volume.Path}} --state {{state}} --fs {{state}}/ima --tpm none --appraise enforce > {{state}}/stdout & daemon=$!
            for i in $(seq 200); do grep -q ready {{state}}/stdout && break; sleep 0.1; done
            {{program}}
            for i in $(seq 50); do
                journalctl -q --no-pager -o json -D /run/log/journal MESSAGE_ID=9949f44462c548fa9615c2087ba3f913 IMAHOST_HOOK=BPRM_CHECK > {{state}}/found
                [ -s {{state}}/found ] && break
                sleep 0.1
            done
            cat {{state}}/found
            kill $daemon; wait $daemon
            kill $journal
            """;

        Outcome outcome = Shell.Run("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script);

        string errors = File.Exists(Path.Combine(state, "stderr")) ? File.ReadAllText(Path.Combine(state, "stderr")) : outcome.Errors;
        Assert.True(outcome.Output.Length > 0, errors);
        System.Text.Json.JsonElement entry = System.Text.Json.JsonDocument.Parse(outcome.Output.Split('\n')[0]).RootElement;
        string Field(string name) => entry.GetProperty(name).GetString()!;
        Assert.Equal((program, "missing-hash", "4"), (Field("IMAHOST_PATH"), Field("IMAHOST_CAUSE"), Field("PRIORITY")));
        Assert.Equal(("imahost", "none", "built-in exec"), (Field("SYSLOG_IDENTIFIER"), Field("IMAHOST_KEY"), Field("IMAHOST_RULE")));
        Assert.DoesNotContain(" denied \"", errors, StringComparison.Ordinal);
    }

    static double ValueOf(string[] samples, string start)
    {
        string sample = Assert.Single(samples, one => one.StartsWith(start, StringComparison.Ordinal));
        return double.Parse(sample[start.Length..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
