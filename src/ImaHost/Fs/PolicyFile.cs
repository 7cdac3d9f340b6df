using System.Text;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Fs;

/// <summary>
/// policy (ima_fs.c): reads as the rules in force; what is written is put in force when the writer closes, all or
/// nothing: in their place, or after them when the writer appends. One writer at a time. A rule that is not understood
/// fails the write(2) that completes its line. The text so far lies in the guard's memory, so that a writer does not
/// notice when a host dies.
/// </summary>
sealed class PolicyFile(SharedState shared, PolicyCommands commands) : PublishedFile("policy", 0x180)
{
    const int Invalid = -22; // EINVAL
    const int Busy = -16; // EBUSY
    const int Refused = -13; // EACCES
    const int TooLarge = -27; // EFBIG

    /// <summary>Whoever writes more at once than the kernel takes writes in pieces, which may end anywhere.</summary>
    const int MostWritten = 4096;

    PolicyDraft _draft = new(commands);
    ulong _drafted;
    bool _endsWithRule;
    int _loaded;

    /// <summary>The writer began when another host was there.</summary>
    bool _isInherited;

    public override bool IsReadOnly => false;

    /// <summary>
    /// While somebody appends, the end is theirs: the kernel lets each of their writes land at the end that it saw last,
    /// also when somebody else looked at the file meanwhile.
    /// </summary>
    public override long Size =>
        shared.Writer != 0 && shared.WriterBase > 0 ? shared.WriterBase + shared.WriterSize : Text().Length;

    ReadOnlySpan<byte> Written => shared.PolicyText[..(int)shared.WriterSize];

    /// <summary>The whole lines of it, and the last one where nothing more of it is to come.</summary>
    ReadOnlySpan<byte> Complete => _endsWithRule ? Written : Written[..(Written.LastIndexOf((byte)'\n') + 1)];

    bool IsWhole => Complete.Length == Written.Length;

    public override int Read(Span<byte> buffer, long offset) => Copy(Text(), buffer, offset);

    public override int OpenToWrite(bool append, ulong handle, uint pid)
    {
        if (shared.Writer != 0 && shared.Writer != handle)
        {
            return Busy;
        }

        shared.Writer = 0;
        shared.WriterSize = 0;
        shared.WriterBase = append ? (uint)Size : 0;
        shared.WriterFailed = 0;
        shared.Writer = handle;
        Begin(inherited: false);
        return 0;
    }

    public override int Write(ulong handle, ReadOnlySpan<byte> data, long offset)
    {
        if (handle == shared.Writer && shared.WriterBase > 0 && shared.WriterSize == 0 && offset is > 0 and <= uint.MaxValue)
        {
            // Another policy may have come in force since the end was told.
            shared.WriterBase = (uint)offset;
        }

        // By offset, so that a write the next host finds half done can be done again.
        long at = offset - shared.WriterBase;
        if (handle != shared.Writer || at < 0 || at > shared.WriterSize)
        {
            return Invalid;
        }

        if (at + data.Length > GuardAbi.PolicyMax)
        {
            return Fail(TooLarge);
        }

        bool beginsLine = at == 0 || shared.PolicyText[(int)at - 1] == '\n';
        data.CopyTo(shared.PolicyText[(int)at..]);
        shared.WriterSize = Math.Max(shared.WriterSize, (uint)(at + data.Length));
        _endsWithRule = beginsLine && data.Length < MostWritten;
        int error = ReadDraft();
        return error == 0 ? data.Length : Fail(error);
    }

    /// <summary>What truncation a shell asks for before it writes changes nothing by itself.</summary>
    public override int SetSize(long size) => 0;

    /// <summary>
    /// A line without its end may be half of one: close(2) says so, and nothing is loaded. Else, when this was the last
    /// descriptor of the writer, the rules are in force before close(2) returns, as in the kernel: the release, which
    /// comes after it, is not waited for.
    /// </summary>
    public override int Flush(ulong handle) =>
        handle == 0 || handle != shared.Writer ? 0
        : shared.WriterFailed != 0 || !IsWhole ? Invalid
        : commands.IsWritten() || Finish() ? 0
        : Invalid;

    public override void Release(ulong handle)
    {
        if (handle != 0 && handle == shared.Writer)
        {
            _ = shared.WriterFailed == 0 && IsWhole && Finish();
            shared.Writer = 0;
        }
    }

    /// <summary>Loads what was written, if it was not loaded yet.</summary>
    /// <returns>False when it cannot be loaded.</returns>
    bool Finish()
    {
        if (ReadDraft() != 0)
        {
            return false;
        }

        if (_draft.Rules.Count > _loaded && !(_isInherited && IsInForce()))
        {
            _loaded = _draft.Rules.Count;
            return commands.Load(_draft, shared.WriterBase > 0);
        }

        return true;
    }

    /// <summary>The host before this one has loaded it, and died before it could say so.</summary>
    bool IsInForce()
    {
        string rules = KernelPolicyText.Of(_draft.Rules);
        string inForce = commands.InForce().ToString();
        return shared.WriterBase > 0 ? inForce.EndsWith(rules, StringComparison.Ordinal) : inForce == rules;
    }

    void Begin(bool inherited)
    {
        _draft = new PolicyDraft(commands);
        _drafted = shared.Writer;
        _loaded = 0;
        _isInherited = inherited;
    }

    byte[] Text() => Encoding.UTF8.GetBytes(commands.InForce().ToString());

    /// <returns>0, or minus the errno that the writer gets.</returns>
    int ReadDraft()
    {
        if (_drafted != shared.Writer)
        {
            Begin(inherited: true);
        }

        try
        {
            _draft.Read(Complete);
            return 0;
        }
        catch (PolicyException e)
        {
            commands.Refused(e.Message);
            return Invalid;
        }
        catch (UnauthorizedAccessException e)
        {
            commands.Refused(e.Message);
            return Refused;
        }
    }

    int Fail(int error)
    {
        shared.WriterFailed = 1;
        return error;
    }
}
