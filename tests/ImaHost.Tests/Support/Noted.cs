using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using Xunit;
using Outcome = ImaHost.Appraisal.Appraisal;

namespace ImaHost.Tests.Support;

/// <summary>Notes decisions about a real file.</summary>
sealed class Noted : IDisposable
{
    static readonly ImaRule Rule = Policies.Rule("appraise func=BPRM_CHECK");
    readonly HeldFile _file;

    public Noted(string path)
    {
        _file = HeldFile.Open(path);
        Assert.Equal(0, Collected.Identify(_file));
        Assert.Equal(0, Collected.Collect(_file, new CollectRequest(HashAlgorithm.Sha256), goOn: null));
    }

    public CollectedFile Collected { get; } = new();

    public void Note(
        DecisionLog log, DecisionOutcome outcome = DecisionOutcome.Denied, Outcome cause = Outcome.MissingHash, ulong policy = 1)
    {
        bool passes = outcome is DecisionOutcome.Allowed or DecisionOutcome.Fixed;
        var decision = new Decision
        {
            Outcome = outcome,
            Hook = ImaHook.BprmCheck,
            Pid = Environment.ProcessId,
            File = Collected,
            Finding = passes ? new Finding(Outcome.Pass, Vouching.ImaHash) : new Finding(cause),
            Rule = Rule,
            Mode = AppraiseMode.Enforce,
            Policy = policy,
            Vouchers = Vouchers.Empty,
        };
        log.Note(in decision);
    }

    public void Dispose()
    {
        Collected.Dispose();
        _file.Dispose();
    }
}
