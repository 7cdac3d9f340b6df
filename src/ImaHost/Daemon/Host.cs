using System.Text.Json;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Fs;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Tpm;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// The process that the guard starts: puts the parts together, runs their threads, and ends when the guard says so. It
/// may die at any moment; the next one goes on.
/// </summary>
sealed class Host : IDisposable
{
    const int HeartbeatMilliseconds = 100;
    const int TpmIdleMilliseconds = 25;
    const int TpmCheckMilliseconds = 1000;
    const int MountsMilliseconds = 2000;
    const int FinishMilliseconds = 4000;
    const int FlushMilliseconds = 500;
    const int SlowMountsMilliseconds = 30_000;

    readonly DaemonOptions _options;
    readonly StateDirectory _state;
    readonly SharedState _shared;
    readonly GuardSocket _socket = new();
    readonly RuntimeMeasurements _list;
    readonly ImaEngine _engine;
    readonly BufferRequests _buffers;
    readonly MountWatcher _mounts;
    readonly ILoggerFactory _loggers;
    readonly ILogger _log;
    readonly ManualResetEventSlim _stopped = new();
    readonly GuardNotice _notice;
    readonly PolicyLoader _policies;
    readonly VoucherLoader _vouchers;
    readonly DigestSet _fuseDigests = new();
    readonly Backfill _backfill;
    readonly UnjudgedAccesses _unjudged;
    readonly SelfCheck _check;
    readonly DecisionWriter _decisions;
    readonly JournalLoggerProvider? _journal;
    readonly ManifestQuotes? _quotes;
    readonly SegmentUpkeep _segments;
    readonly CodeDenials _denials;
    readonly FilelessMeasurement _fileless;
    EventLoop? _loop;
    volatile bool _yields;
    volatile bool _isOrdered;

    Host(DaemonOptions options)
    {
        _options = options;
        _journal = options.LogFormat == LogFormat.Text ? Journal.TryOpen() : null;
        _loggers = Logging.Create(options.LogFormat, _journal);
        _log = _loggers.CreateLogger("imahost");
        if (!ProcessImage.TryForbidDumps())
        {
            Logging.DumpsAllowed(_log);
        }

        _denials = new CodeDenials(_log);
        _socket.Denied += _denials.Take;
        _shared = SharedState.Open();
        Start("heartbeat", Beat);
        _state = new StateDirectory(options.State);
        TpmCommands? tpm = Tpms.Open(options.Resolved!.Tpm, options.TpmTimeout);
        _list = ListStore.Resume(_state, tpm, Launcher.Settings(options));
        var engineOptions = new EngineOptions(
            options.Appraise, Launcher.ImaHash(options), Launcher.Template(options), options.Pcr, options.FailAllows,
            options.Deadline.Least);
        StoredPolicy stored = PolicySources.Resume(_state.PolicyPath);
        _engine = new ImaEngine(
            engineOptions, Mounts.Resolve(stored.Policy), _list, new ReadWriteCheck(), new EngineCounters(), _log);
        _notice = new GuardNotice(_socket, _shared, _engine, _log);
        _policies = new PolicyLoader(options, _state.PolicyPath, _list, _engine, _notice, _log) { Fault = stored.Fault };
        _vouchers = new VoucherLoader(options, _engine, _notice, _log);
        _vouchers.Begin();
        _buffers = new BufferRequests(_engine, _list, options.MeasureUsers, _log);
        _mounts = new MountWatcher(new WatchSelection(options.Watch), _socket, _policies.FollowMounts, _log);
        _backfill = new Backfill(_engine, _list, Launcher.Settings(options), _shared, ProcessImage.ParentPid, _log);
        _fileless = new FilelessMeasurement(_engine, _list, Launcher.Settings(options), _shared, _log);
        if (options.Fileless == FilelessCode.Measure)
        {
            _socket.Denied += _fileless.Take;
        }

        _unjudged = new UnjudgedAccesses(_shared, _list, Launcher.Settings(options));
        _check = new SelfCheck(ProcessImage.ParentPid, _log);
        _decisions = new DecisionWriter(_engine.Decisions, _state.Path, _log);
        _quotes = tpm == null ? null : new ManifestQuotes(_list, _log);
        _segments = new SegmentUpkeep(
            options.Log, _list, Launcher.Settings(options), _quotes == null ? null : _quotes.Sign, _log);
    }

    /// <summary>Runs a host that the guard has started.</summary>
    /// <returns>The exit status.</returns>
    public static int Run()
    {
        string json = Environment.GetEnvironmentVariable(Launcher.OptionsVariable)
            ?? throw new ConfigurationException($"{Launcher.OptionsVariable} is not set: start `imahost daemon`");
        DaemonOptions options = JsonSerializer.Deserialize(json, DaemonOptionsJson.Default.DaemonOptions)
            ?? throw new ConfigurationException($"{Launcher.OptionsVariable} is empty");
        using var host = new Host(options);
        host.Serve();
        return 0;
    }

    public void Dispose()
    {
        _buffers.Dispose();
        _decisions.Dispose();
        _segments.Dispose();
        _quotes?.Dispose();
        _list.Dispose();
        _fuseDigests.Dispose();
        _loggers.Dispose();
        _stopped.Dispose();
    }

    void Serve()
    {
        Logging.Started(
            _log, Environment.ProcessId, _list.Log.Path, _list.Log.Extent.Entries, _options.Resolved!.Tpm,
            _options.Pcr, _options.Appraise);
        if (_options.Resolved.WithoutBpf is { } cause)
        {
            Logging.NoBpf(_log, cause);
        }

        if (_options.Resolved.Tpm == "none")
        {
            Logging.NoTpm(_log, _options.State);
        }

        Start("TPM", TendTpm);
        Start("decisions", _decisions.Run);
        Start("segments", _segments.RunSealing);
        Start("export", _segments.RunExporting);
        ServeQuestions();
        ServeMetrics();
        if (FuseDevice.IsMounted)
        {
            Start("FUSE", PublishedFiles().Run);
        }

        var commands = new GuardCommands(_stopped.Set, Yield, () => Start("reload", Reload));
        var loop = new EventLoop(
            _engine, _socket, commands, ProcessImage.ParentPid, _log, () => _shared.IsCrowd);
        loop.Begin(Start);
        Volatile.Write(ref _loop, loop);
        WatchMounts();
        new OwnFiles(_engine, _list, _shared, ProcessImage.ParentPid, _state.OwnPath, _log).Enter();
        EnterUnjudged();
        _notice.Send();
        Start("running files", EnterRunning);
        Start("fileless code", _fileless.Run);
        Start("packages", new PackageWatcher(_options, _vouchers, _log).Run);
        Start("self check", _check.Run);
        _stopped.Wait();
        Stop(loop);
    }

    /// <summary>What is mounted now is marked before we say that we are ready, unless something does not answer.</summary>
    void WatchMounts()
    {
        Start("mounts", _mounts.Run);
        if (!_mounts.AwaitFirstLook(MountsMilliseconds))
        {
            Logging.SlowMounts(_log, MountsMilliseconds);
        }
    }

    void EnterUnjudged() => _unjudged.Enter(_shared.Counters.Unrecorded);

    /// <summary>What came to be marked while we waited counts too; what never answers is not waited for.</summary>
    void EnterRunning()
    {
        _ = _mounts.AwaitFirstLook(SlowMountsMilliseconds);
        _backfill.Run(_mounts.ReadDevices());
    }

    void ServeQuestions()
    {
        const UnixFileMode root = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        const UnixFileMode all = root | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead
            | UnixFileMode.OtherWrite;
        Start("control", () => ControlSocket.Serve(
            ControlSocket.PathIn(_options.State), root, _options.MeasureLimit, _buffers.RefuseUser, Answer, Start));
        if (_options.MeasureSocket is { } path)
        {
            // Who may ask is decided by who connects.
            Start("services", () => ServeServices(path, all));
        }
    }

    /// <summary>A place for the socket that went away is no reason to leave accesses without a host.</summary>
    void ServeServices(string path, UnixFileMode mode)
    {
        try
        {
            ControlSocket.Serve(path, mode, _options.MeasureLimit, _buffers.RefuseUser, _buffers.Answer, Start);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or UnauthorizedAccessException)
        {
            Logging.NoServices(_log, path, e.Message);
        }
    }

    /// <summary>The vouchers first: the rules may name some that are new.</summary>
    void Reload()
    {
        _ = _vouchers.Reload();
        _policies.Reload();
    }

    void Yield()
    {
        _yields = true;
        _stopped.Set();
    }

    void Stop(EventLoop loop)
    {
        _socket.StopReceiving();
        loop.Finish(FinishMilliseconds);
        _ = _engine.Decisions.Flush(FlushMilliseconds);
        if (!_yields)
        {
            HostEvents.Stop(_list, Launcher.Settings(_options), _isOrdered);
            _segments.Flush();
            _list.Log.Flush();
        }
    }

    /// <summary>A thread that fails ends the process: the guard starts another, and no job is lost.</summary>
#pragma warning disable CA1031 // the process ends either way; this says why
    Thread Start(string name, Action run)
    {
        var thread = new Thread(() =>
        {
            try
            {
                run();
            }
            catch (Exception e)
            {
                Logging.ThreadFailed(_log, e, name);
                _loggers.Dispose();
                Environment.Exit(1);
            }
        })
        {
            Name = name,
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }
#pragma warning restore CA1031

    ImaFs PublishedFiles() => new(
        new FuseDevice(_shared),
        [
            .. Lists(() => _segments.Window.Current, ""),
            new CounterFile("runtime_measurements_count", CountPublished),
            new CounterFile("violations", () => _list.Violations),
            new PolicyFile(_shared, _policies.Commands),
            .. Lists(() => _segments.Window.Staged, "_staged"),
        ],
        _options.Resolved!.ListGroup);

    /// <summary>
    /// Both forms and their twins by algorithm. SHA-1's are there whether the TPM has that bank or not, as in the kernel
    /// (ima_fs.c since 6.10).
    /// </summary>
    IEnumerable<PublishedFile> Lists(Func<LogWindow> window, string suffix)
    {
        StagingCommands staging = _segments.Staging;
        yield return View(HashAlgorithm.Sha1, ascii: true, window, $"ascii_runtime_measurements{suffix}");
        yield return new BinaryListFile($"binary_runtime_measurements{suffix}", _list.Log, window, staging);
        foreach (HashAlgorithm algorithm in Launcher.Settings(_options).Banks.Prepend(HashAlgorithm.Sha1).Distinct())
        {
            yield return View(algorithm, ascii: true, window, $"ascii_runtime_measurements_{algorithm}{suffix}");
            yield return View(algorithm, ascii: false, window, $"binary_runtime_measurements_{algorithm}{suffix}");
        }
    }

    ListViewFile View(HashAlgorithm algorithm, bool ascii, Func<LogWindow> window, string name) => new(
        name, new ListView(_list.Log, algorithm, ascii, _fuseDigests, window), _segments.Staging);

    long CountPublished()
    {
        LogWindow window = _segments.Window.Current;
        return window.To.Entries - window.From.Entries;
    }

    /// <summary>The guard hears of us as long as our workers come on, and not merely this thread.</summary>
    void Beat()
    {
        for (;;)
        {
            if (Volatile.Read(ref _loop)?.Tend() != false)
            {
                _shared.Beat();
            }

            Thread.Sleep(HeartbeatMilliseconds);
        }
    }

    /// <summary>Lets go of an idle TPM soon, and looks at it now and then: a reset must show at once.</summary>
    void TendTpm()
    {
        string? said = null;
        long seen = 0;
        for (int slept = 0; ; slept += TpmIdleMilliseconds)
        {
            Thread.Sleep(TpmIdleMilliseconds);
            long entries = _list.Log.Extent.Entries;
            if (slept >= TpmCheckMilliseconds)
            {
                slept = 0;
                _list.TendTpm();
                EnterUnjudged();
            }
            else if (entries == seen)
            {
                _list.ReleaseTpm();
            }

            seen = entries;
            Say(ref said);
        }
    }

    void Say(ref string? said)
    {
        string? fault = _list.Fault;
        if (fault != null && fault != said)
        {
            Logging.TpmFault(_log, fault);
        }
        else if (fault == null && said != null)
        {
            Logging.TpmRecovered(_log);
        }

        said = fault;
    }

    string? Answer(ControlRequest request) => Shelter.WhyNot(_options, request) ?? request.Line switch
    {
        "status" => JsonSerializer.Serialize(Report(), StatusJson.Default.StatusReport),
        InForce.Request => InForce.Answer(_options, _engine),
        "stop" => OrderStop(),
        Renewal.Request => Renewal.Begin(_socket),
        _ => new SegmentRequests(_segments).Answer(request) ?? _policies.Answer(request) ?? _vouchers.Answer(request)
            ?? QuoteRequests.Answer(request, _list) ?? _buffers.Answer(request),
    };

    StatusReport Report() => StatusReport.Make(
        _options, _shared, _engine, _list, _policies.Fault, _vouchers.Warnings, _mounts.Report, _backfill.Report, _check.Look(),
        _segments, _denials.Seen);

    void ServeMetrics()
    {
        var server = new MetricsServer(
            isOpen =>
            {
                GuardCounters guard = _shared.Counters;
                var more = new MoreCounts(
                    _decisions.Written, _engine.Decisions.Dropped, _journal?.Dropped ?? 0, _vouchers.Warnings.Count);
                return Metrics.Show(Report(), _engine, in guard.Holds, more, isOpen);
            },
            _log);
        if (_options.MetricsSocket is { } socket)
        {
            Start("metrics", () => server.ServeSocket(socket, Start));
        }

        if (_options.MetricsFile is { } file)
        {
            Start("metrics file", () => server.WriteFiles(file));
        }
    }

    /// <returns>"supervised": whoever started the service waits for what it says, and may start it again.</returns>
    string OrderStop()
    {
        _isOrdered = true;
        _socket.SendOpen();
        return Environment.GetEnvironmentVariable("NOTIFY_SOCKET") == null ? "ok\n" : "ok, supervised\n";
    }
}
