using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace ImaHost.Benchmarks;

/// <summary>A whole access of a small file: the guard's question, and all that is done until it has the verdict.</summary>
public class AccessBenchmarks
{
    readonly byte[] _content = new byte[sizeof(long)];
    readonly Scratch _scratch = new();
    string _directory = "";
    ListPlace? _list;
    GuardPair? _guard;
    SafeFileHandle? _file;
    AccessRequest? _request;
    ImaEngine? _engine;
    long _number;

    [Params("exec", "tcb")]
    public string Rules { get; set; } = "";

    [GlobalSetup]
    public void Begin()
    {
        _directory = Directory.CreateTempSubdirectory("imahost-bench-").FullName;
        _list = new ListPlace(_directory);
        _guard = new GuardPair(Path.Combine(_directory, "socket"));
        _file = File.OpenHandle(Path.Combine(_directory, "file"), FileMode.Create, FileAccess.ReadWrite);
        _request = new AccessRequest(_guard.Socket, Verdict.Deny);
        var options = new EngineOptions(
            AppraiseMode.Off, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, Pcr: 10, FailAllows: false);

        // Wherever the file lies.
        var policy = new ImaPolicy([.. BuiltInPolicies.RulesOf(Rules).Where(rule => rule.Action != ImaAction.DontMeasure)]);
        _engine = new ImaEngine(
            options, policy, _list.List, new ReadWriteCheck(), new EngineCounters(), NullLogger.Instance);
    }

    [GlobalCleanup]
    public void End()
    {
        _request?.Dispose();
        _scratch.Dispose();
        _guard?.Dispose();
        _file?.Dispose();
        _list?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark]
    public void JudgeWhatIsThere() => Judge();

    [Benchmark]
    [BenchmarkCategory(Gate.Grows)]
    public void JudgeNewContent()
    {
        BinaryPrimitives.WriteInt64LittleEndian(_content, ++_number);
        RandomAccess.Write(_file!, _content, 0);
        Judge();
    }

    void Judge()
    {
        _guard!.Send(_file!, GuardAccess.Elf);
        _ = _request!.Take();
        _ = _scratch.File.Begin(_request);
        _request.Verdict = _engine!.ProcessMeasurement(_request, _scratch);
        bool isAllowed = _request.Verdict.Decision == GuardDecision.Allow;
        _request.Dispose();
        _guard.Await();
        if (!isAllowed)
        {
            throw new InvalidOperationException("the access is denied");
        }
    }
}
