using System.Text.Json;
using ImaHost.Appraisal;
using ImaHost.Daemon;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class DaemonOptionsTests
{
    [Fact]
    public void Options_come_out_of_JSON_as_they_went_in()
    {
        var options = new DaemonOptions
        {
            Watch = ["/", "/a \"b\"\n"],
            Policy = ["/etc/ima/é"],
            PolicyFallback = ["tcb"],
            PolicyKeys = ["/etc/keys/a.pem"],
            KernelCommandLine = true,
            Tpm = "swtpm:path=/run/x",
            Fs = "/f",
            State = "/s",
            Appraise = AppraiseMode.Fix,
            Pcr = 23,
            Hash = "sha1",
            Template = "ima-ng",
            Deadline = new Deadlines(1, 2, 3),
            ListGroup = "ima",
            TpmTimeout = 2,
            Cache = 3,
            HostDown = new HostDown(HostDownAction.Allow, 500),
            Bpf = BpfUse.Report,
            Fileless = FilelessCode.Allow,
            SelfProtection = new SelfProtection(33, ["/usr/bin/rpm"]),
            LogFormat = LogFormat.Json,
            Resolved = new ResolvedEnvironment("none", ["sha1", "sha256"], IsEmbeddedTpm: true, ["/srv"], MayLabel: true, ListGroup: 4) { WithoutBpf = "no" },
        };
        AssertSurvives(options);
        AssertSurvives(new DaemonOptions());
    }

    [Theory]
    [InlineData(AppraiseMode.Off, true)]
    [InlineData(AppraiseMode.Log, true)]
    [InlineData(AppraiseMode.Fix, true)]
    [InlineData(AppraiseMode.Enforce, false)]
    internal void Files_that_cannot_be_judged_are_denied_only_under_enforce(AppraiseMode mode, bool allows) =>
        Assert.Equal(allows, new DaemonOptions { Appraise = mode }.FailAllows);

    static void AssertSurvives(DaemonOptions options)
    {
        string json = JsonSerializer.Serialize(options, DaemonOptionsJson.Default.DaemonOptions);
        DaemonOptions? again = JsonSerializer.Deserialize(json, DaemonOptionsJson.Default.DaemonOptions);
        Assert.Equivalent(options, again, strict: true);
    }
}
