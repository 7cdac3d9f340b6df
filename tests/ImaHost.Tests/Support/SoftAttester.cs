using System.Buffers.Binary;
using ImaHost.Tpm;

namespace ImaHost.Tests.Support;

/// <summary>Answers a TPM's commands about keys and quotes: by a key in memory, and of the PCRs that it is given.</summary>
sealed class SoftAttester(PcrSource pcrs) : IDisposable
{
    const uint CreatePrimary = 0x131;
    const uint Quote = 0x158;
    const uint ContextLoad = 0x161;
    const uint ContextSave = 0x162;
    const uint FlushContext = 0x165;

    static readonly byte[] Handle = [0x80, 0, 0, 7];

    public SoftQuote Key { get; } = new();

    /// <summary>Called before it signs.</summary>
    public Action Signing { get; set; } = () => { };

    /// <returns>Null: it is another command.</returns>
    public byte[]? Answer(byte[] command) => ScriptedTpm.CodeOf(command) switch
    {
        CreatePrimary => ScriptedTpm.WithSession(
            Handle,
            [.. Key.Public.Sized, 0, 0, 0, 0, 0x80, 0x21, 0x40, 0, 0, 0x0b, 0, 0, 0, 34, .. Key.Public.Name]),
        ContextSave => ScriptedTpm.Response(0, [.. new byte[16], 0, 3, 1, 2, 3]),
        ContextLoad => ScriptedTpm.Response(0, Handle),
        FlushContext => ScriptedTpm.Response(0),
        Quote => Sign(command),
        _ => null,
    };

    public void Dispose() => Key.Dispose();

    byte[] Sign(byte[] command)
    {
        Signing();
        var reader = new TpmReader(command.AsSpan(27), "a command"); // header, handle and an empty password are before it
        byte[] nonce = reader.TakeSized().ToArray();
        _ = reader.Take16(); // inScheme
        Quote made = Key.Quote(nonce, PcrSelection.Read(ref reader), pcrs);
        byte[] size = new byte[2];
        BinaryPrimitives.WriteInt16BigEndian(size, (short)made.Message.Length);
        return ScriptedTpm.WithSession([], [.. size, .. made.Message, .. made.Signature]);
    }
}
