using System.Diagnostics;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Events;

/// <summary>
/// One held access. Disposing it answers, so that no path through the code loses one or answers twice. It is used again
/// for the next one, with all that it holds: an access allocates nothing.
/// </summary>
sealed class AccessRequest : IDisposable
{
    readonly GuardSocket? _socket;
    readonly Verdict _unlessJudged;
    HeldFile _file = new();
    GuardJob _job;
    bool _waits;
    OpenIntent? _intent;
    long _moved;

    /// <param name="unlessJudged">The answer when no verdict was set: something went wrong.</param>
    public AccessRequest(GuardSocket socket, Verdict unlessJudged)
        : this(unlessJudged) => _socket = socket;

    AccessRequest(Verdict unlessJudged)
    {
        _unlessJudged = unlessJudged;
        GoOn = IsStillWanted;
    }

    /// <summary>
    /// Asked now and then while it is judged, with whether that came on. If so, it asks the guard for more time. False:
    /// whoever waited was killed meanwhile.
    /// </summary>
    public Func<bool, bool> GoOn { get; }

    /// <summary>When it was received, as <see cref="Stopwatch.GetTimestamp"/> tells the time.</summary>
    public long Received { get; private set; }

    /// <summary>When judging it last came on, as <see cref="Environment.TickCount64"/> tells the time.</summary>
    public long Moved => Volatile.Read(ref _moved);

    public Verdict Verdict { get; set; }

    /// <summary>Who holds the file open, where that was asked.</summary>
    public HolderQuery? Holders { get; set; }

    /// <summary>What had to be looked for in other processes was.</summary>
    public bool IsSearched { get; set; }

    /// <summary>It was judged as what may be executed or mapped so, where the guard could not tell.</summary>
    public bool IsCode { get; set; }

    /// <summary>It tells of a writer who must not go on while an exec of the file may be under way.</summary>
    public bool MayOvertakeExec => IsNotice && _job.Facts.HasFlag(GuardJobFacts.MayRun);

    /// <summary>It tells of a writer of a file whose verdict was kept. Answering it says that it was looked after.</summary>
    public bool IsNotice { get; private set; }

    /// <summary>It was made before anybody asked: the file runs already, or is mapped. No answer is sent.</summary>
    public bool IsRunning { get; private init; }

    /// <summary>Somebody waits for the verdict. What the guard has answered already costs nobody time.</summary>
    public bool IsHeld => !IsLate && !IsRunning;

    /// <summary>How the file is opened.</summary>
    public OpenMode Mode => Intent.Mode;

    /// <summary>
    /// What the access is for, as rules compare it (mask=); null when it cannot be told. Of an open that a lease shows
    /// to be a reader's it is not asked whether it is also O_APPEND or O_TRUNC: that would cost every open far more
    /// than it is worth.
    /// </summary>
    public AccessMask? Mask => Intent.Mask;

    /// <summary>The file; its descriptor raises no events.</summary>
    public HeldFile File => _file.IsOpen ? _file : throw new InvalidOperationException("no file was passed with this job");

    /// <summary>False when the guard's descriptor could not be received: there were too many open files.</summary>
    public bool HasFile => _file.IsOpen;

    public GuardAccess Access => _job.Access;

    /// <summary>The accessor's thread group, 0 when it is not visible from here.</summary>
    public int Pid => _job.Pid;

    /// <summary>Writers are kept out while we look.</summary>
    public bool IsLeased => _job.Facts.HasFlag(GuardJobFacts.Leased);

    /// <summary>Somebody has the file open for writing.</summary>
    public bool HasWriter => _job.Facts.HasFlag(GuardJobFacts.Writer);

    /// <summary>The guard answered when the deadline passed.</summary>
    public bool IsLate => _job.Facts.HasFlag(GuardJobFacts.Late);

    /// <summary>An access of this process itself, answered already.</summary>
    public bool IsOwn => _job.Facts.HasFlag(GuardJobFacts.Note);

    OpenIntent Intent => _intent ??= Access == GuardAccess.Exec ? OpenIntent.Exec
        : MayWrite ? OpenModes.Read(Pid) : OpenIntent.Read;

    /// <summary>
    /// A lease is refused when the file is open for writing: by somebody else, or because this very open is one for
    /// writing. Where there are no leases, as on a filesystem that knows none, nothing keeps it from being one.
    /// </summary>
    bool MayWrite => HasWriter || !(IsLeased || IsOwn || IsNotice || IsRunning);

    GuardSocket Socket => _socket ?? throw new InvalidOperationException("no guard has asked");

    /// <summary>An access of long ago, by a process that still has what it got.</summary>
    /// <param name="file">Is closed with the request.</param>
    /// <param name="isOwn">The process is this one, or the guard.</param>
    public static AccessRequest ForRunning(HeldFile file, GuardAccess access, int pid, bool isOwn = false) =>
        new(Verdict.Allow)
        {
            _file = file,
            _job = new GuardJob(access, isOwn ? GuardJobFacts.Note : GuardJobFacts.None, pid),
            IsRunning = true,
            Received = Stopwatch.GetTimestamp(),
        };

    /// <summary>Waits for what the guard says next; a job becomes this request.</summary>
    public GuardMessage Take()
    {
        GuardMessage message = Socket.Receive(out _job, _file);
        Received = Stopwatch.GetTimestamp();
        _waits = message is GuardMessage.Job or GuardMessage.Writer;
        IsNotice = message == GuardMessage.Writer;
        Verdict = _unlessJudged;
        Holders = null;
        IsSearched = false;
        IsCode = false;
        _intent = null;
        return message;
    }

    /// <summary>Makes another request answer for this job.</summary>
    /// <param name="heir">One that answers for none.</param>
    public void HandOver(AccessRequest heir)
    {
        (heir._file, _file) = (_file, heir._file);
        heir._job = _job;
        heir._waits = _waits;
        heir._intent = _intent;
        heir.IsNotice = IsNotice;
        heir.Holders = Holders;
        heir.IsSearched = IsSearched;
        heir.IsCode = IsCode;
        heir.Received = Received;
        heir.Verdict = Verdict;
        _waits = false;
    }

    /// <summary>Judging it begins, or comes on.</summary>
    public void Touch() => Volatile.Write(ref _moved, Environment.TickCount64);

    public void Dispose()
    {
        _file.Dispose();
        if (_waits)
        {
            _waits = false;
            Socket.SendVerdict(in _job, Verdict.Decision, Verdict.Cache, IsCode, Verdict.Policy);
        }
    }

    bool IsStillWanted(bool comesOn)
    {
        if (IsRunning)
        {
            // It ran, whoever is gone meanwhile.
            return true;
        }

        if (Pid != 0 && !ProcessDirectory.Exists(Pid))
        {
            return false;
        }

        if (comesOn)
        {
            Touch();
            Socket.SendProgress(in _job);
        }

        return true;
    }
}
