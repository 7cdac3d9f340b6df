using System.Text;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Fs;

/// <summary>
/// policy: reads as the rules in force; what is written replaces them when the writer closes, all or nothing. One
/// writer at a time. A rule that is not understood fails the write(2) that completes its line. The text so far lies in
/// the guard's memory, so that a writer does not notice when a host dies.
/// </summary>
sealed class PolicyFile(
    SharedState shared, Func<ImaPolicy> inForce, Action<ImaPolicy> load, Action<string> refused)
    : PublishedFile("policy", 0x180)
{
    const int Invalid = -22; // EINVAL
    const int Busy = -16; // EBUSY
    const int TooLarge = -27; // EFBIG
    const string Source = "policy file";

    public override bool IsReadOnly => false;

    public override long Size => Text().Length;

    public override int Read(Span<byte> buffer, long offset) => Copy(Text(), buffer, offset);

    public override int OpenToWrite(bool append, out ulong handle)
    {
        handle = 0;
        if (shared.Writer != 0)
        {
            return Busy;
        }

        shared.WriterSize = 0;
        shared.WriterBase = append ? (uint)Size : 0;
        shared.WriterFailed = 0;
        handle = ++shared.WriterNext;
        shared.Writer = handle;
        return 0;
    }

    public override int Write(ulong handle, ReadOnlySpan<byte> data, long offset)
    {
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

        data.CopyTo(shared.PolicyText[(int)at..]);
        shared.WriterSize = Math.Max(shared.WriterSize, (uint)(at + data.Length));
        return IsUnderstood() ? data.Length : Fail(Invalid);
    }

    /// <summary>What truncation a shell asks for before it writes changes nothing by itself.</summary>
    public override int SetSize(long size) => 0;

    /// <summary>A line without its end may be half of one: close(2) says so, and nothing is loaded.</summary>
    public override int Flush(ulong handle) =>
        handle != 0 && handle == shared.Writer && (shared.WriterFailed != 0 || !EndsWell) ? Invalid : 0;

    public override void Release(ulong handle)
    {
        if (handle == 0 || handle != shared.Writer)
        {
            return;
        }

        if (EndsWell && shared.WriterFailed == 0 && TryRead(Written, out ImaPolicy? policy) && policy.Rules.Count > 0)
        {
            load(shared.WriterBase > 0 ? new ImaPolicy(inForce().Rules.Concat(policy.Rules)) : policy);
        }

        shared.Writer = 0;
    }

    ReadOnlySpan<byte> Written => shared.PolicyText[..(int)shared.WriterSize];

    byte[] Text() => Encoding.UTF8.GetBytes(inForce().ToString());

    bool EndsWell => shared.WriterSize == 0 || shared.PolicyText[(int)shared.WriterSize - 1] == '\n';

    bool IsUnderstood() => TryRead(Written[..(Written.LastIndexOf((byte)'\n') + 1)], out _);

    bool TryRead(
        ReadOnlySpan<byte> text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ImaPolicy? policy)
    {
        try
        {
            policy = new ImaPolicy(KernelPolicyReader.Read(Encoding.UTF8.GetString(text), Source));
            return true;
        }
        catch (PolicyException e)
        {
            refused(e.Message);
            policy = null;
            return false;
        }
    }

    int Fail(int error)
    {
        shared.WriterFailed = 1;
        return error;
    }
}
