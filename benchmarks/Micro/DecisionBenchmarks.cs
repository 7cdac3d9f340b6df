using BenchmarkDotNet.Attributes;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;

namespace ImaHost.Benchmarks;

/// <summary>Noting what was decided, as each access that is appraised does.</summary>
public class DecisionBenchmarks
{
    readonly DecisionLog _log = new();
    readonly CollectedFile _collected = new();
    readonly ImaRule _rule = KernelPolicyReader.ReadRule("appraise func=BPRM_CHECK", "benchmark", 1)!;
    HeldFile? _file;
    string _path = "";

    [GlobalSetup]
    public void Begin()
    {
        _path = Path.GetTempFileName();
        _file = HeldFile.Open(_path);
        _ = _collected.Identify(_file);
        _ = _collected.Collect(_file, new CollectRequest(HashAlgorithm.Sha256), goOn: null);
    }

    [GlobalCleanup]
    public void End()
    {
        _file?.Dispose();
        _collected.Dispose();
        File.Delete(_path);
    }

    [Benchmark]
    public void AllowedAgain() => Note(DecisionOutcome.Allowed, Finding.Pass);

    [Benchmark]
    public void DeniedAgain() => Note(DecisionOutcome.Denied, new Finding(Appraisal.Appraisal.MissingHash));

    void Note(DecisionOutcome outcome, Finding finding)
    {
        var decision = new Decision
        {
            Outcome = outcome, Hook = ImaHook.BprmCheck, Pid = Environment.ProcessId, File = _collected, Finding = finding,
            Rule = _rule, Mode = AppraiseMode.Enforce, Policy = 1, Vouchers = Vouchers.Empty,
        };
        _log.Note(in decision);
    }
}
