using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Tpm;

/// <summary>
/// The commands about keys against responses as the specification has them, made of recorded keys and quotes; a real TPM's
/// are tested elsewhere.
/// </summary>
public sealed class TpmKeyCommandsTests
{
    const uint CreatePrimary = 0x131;
    const uint Quote = 0x158;
    const uint ContextLoad = 0x161;
    const uint ContextSave = 0x162;
    const uint FlushContext = 0x165;
    const uint ReadPublic = 0x173;

    static readonly byte[] EccTemplate =
        [0, 0x23, 0, 0x0b, 0, 5, 4, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10, 0, 0, 0, 0];

    static readonly byte[] Context = [.. new byte[16], 0, 3, 1, 2, 3];

    readonly RecordedQuote _recorded = new("ecc");
    readonly List<byte[]> _sent = [];

    [Fact]
    public void Key_is_made_once_and_quotes_with_the_bytes_that_the_specification_asks_for()
    {
        using var tpm = new ScriptedTpm(Answer);
        using var commands = new TpmCommands(tpm.Name, 2000);
        var key = new AttestationKey(commands, "ecc");
        key.Prepare();
        key.Prepare();
        byte[] message = key.Quote([0xaa], PcrSelection.Of([HashAlgorithm.Sha256], [0, 10]), out byte[] signature);

        byte[] empty = [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0];
        byte[] create =
        [
            0x40, 0, 0, 0x0b, .. empty, 0, 4, 0, 0, 0, 0, 0, 24, .. EccTemplate, 0, 0, 0, 0, 0, 0,
        ];
        Assert.Equal(
            [CreatePrimary, ContextSave, FlushContext, ContextLoad, Quote, FlushContext], _sent.Select(ScriptedTpm.CodeOf));
        Assert.Equal(create, _sent[0][10..]);
        Assert.Equal(Context, _sent[3][10..]);
        byte[] quote = [0x80, 0, 0, 7, .. empty, 0, 1, 0xaa, 0, 0x10, 0, 0, 0, 1, 0, 0x0b, 3, 1, 4, 0];
        Assert.Equal(quote, _sent[4][10..]);
        Assert.Equal(_recorded.Message, message);
        Assert.Equal(_recorded.Signature, signature);
        Assert.Equal(_recorded.KeyBytes, key.Public!.Sized);
    }

    [Fact]
    public void Key_is_made_again_when_its_context_is_of_an_earlier_life_of_the_TPM()
    {
        bool wasReset = false;
        using var tpm = new ScriptedTpm(command => wasReset && ScriptedTpm.CodeOf(command) == ContextLoad
            ? Forget(ref wasReset)
            : Answer(command));
        using var commands = new TpmCommands(tpm.Name, 2000);
        var key = new AttestationKey(commands, "ecc");
        key.Prepare();
        wasReset = true;
        _sent.Clear();

        _ = key.Quote([1], PcrSelection.Of([HashAlgorithm.Sha256], [0]), out _);

        Assert.Equal(
            [CreatePrimary, ContextSave, FlushContext, ContextLoad, Quote, FlushContext], _sent.Select(ScriptedTpm.CodeOf));
    }

    [Fact]
    public void Key_that_the_TPM_keeps_is_used_by_its_handle()
    {
        using var tpm = new ScriptedTpm(Answer);
        using var commands = new TpmCommands(tpm.Name, 2000);
        var key = new AttestationKey(commands, "0x81010002");
        key.Prepare();
        _ = key.Quote([1], PcrSelection.Of([HashAlgorithm.Sha256], [0]), out _);

        Assert.Equal([ReadPublic, Quote], _sent.Select(ScriptedTpm.CodeOf));
        Assert.All(_sent, command => Assert.Equal(new byte[] { 0x81, 1, 0, 2 }, command[10..14]));
    }

    [Theory]
    [InlineData("ecc", true)]
    [InlineData("rsa", true)]
    [InlineData("0x81000000", true)]
    [InlineData("0x81ffffff", true)]
    [InlineData("0x80000000", false)]
    [InlineData("0x82000000", false)]
    [InlineData("81010002", false)]
    [InlineData("ECC", false)]
    [InlineData("", false)]
    public void Choice_of_a_key_is_ecc_rsa_or_a_persistent_handle(string choice, bool isOne) =>
        Assert.Equal(isOne, AttestationKey.IsChoice(choice));

    [Fact]
    public void Responses_cut_off_anywhere_are_refused_and_the_key_is_given_back()
    {
        byte[] whole = Answer([0x80, 2, 0, 0, 0, 10, 0, 0, 1, 0x31]);
        int length = 10;
        using var tpm = new ScriptedTpm(command =>
        {
            _sent.Add(command);
            return ScriptedTpm.CodeOf(command) == CreatePrimary ? Cut(whole, length) : ScriptedTpm.Response(0);
        });
        using var commands = new TpmCommands(tpm.Name, 2000);
        int end = whole.Length - 5; // the authorization that follows the parameters is empty
        for (; length < end; length++)
        {
            _sent.Clear();
            Assert.Throws<TpmException>(() => commands.CreatePrimary(EccTemplate, out _));
            Assert.True(length < 14 || ScriptedTpm.CodeOf(_sent[^1]) == FlushContext, $"after {length} bytes");
        }

        Assert.Equal(0x80000007u, commands.CreatePrimary(EccTemplate, out _));
    }

    [Fact]
    public void Key_that_was_not_asked_for_is_refused()
    {
        using var tpm = new ScriptedTpm(Answer);
        using var commands = new TpmCommands(tpm.Name, 2000);
        byte[] template = [.. EccTemplate];
        template[6] ^= 4; // noDA
        TpmException refused = Assert.Throws<TpmException>(() => commands.CreatePrimary(template, out _));
        Assert.Equal("the TPM's response is of another key than was asked for", refused.Message);
    }

    [Theory]
    [InlineData(0x9a2u, "a password is set")]
    [InlineData(0x902u, "tpm2_flushcontext")]
    public void Refusals_of_keys_say_what_to_do(uint code, string said)
    {
        using var tpm = new ScriptedTpm(_ => ScriptedTpm.Response(code));
        using var commands = new TpmCommands(tpm.Name, 2000);
        TpmException refused = Assert.Throws<TpmException>(() => commands.CreatePrimary(EccTemplate, out _));
        Assert.StartsWith("the TPM refused TPM2_CreatePrimary: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }

    static byte[] Cut(byte[] response, int length)
    {
        byte[] cut = response[..length];
        BinaryPrimitives.WriteInt32BigEndian(cut.AsSpan(2), length);
        return cut;
    }

    static byte[] Forget(ref bool wasReset)
    {
        wasReset = false;
        return ScriptedTpm.Response(0x1df); // TPM_RC_INTEGRITY of parameter 1
    }

    byte[] Answer(byte[] command)
    {
        _sent.Add(command);
        byte[] handle = [0x80, 0, 0, 7];
        TpmPublic made = TpmPublic.ParseSized(_recorded.KeyBytes, "key");
        byte[] name = [0, 34, .. made.Name];
        return ScriptedTpm.CodeOf(command) switch
        {
            CreatePrimary => ScriptedTpm.WithSession(
                handle, [.. _recorded.KeyBytes, 0, 0, 0, 0, 0x80, 0x21, 0x40, 0, 0, 0x0b, 0, 0, .. name]),
            ReadPublic => ScriptedTpm.Response(0, [.. _recorded.KeyBytes, .. name, .. name]),
            ContextSave => ScriptedTpm.Response(0, Context),
            ContextLoad => ScriptedTpm.Response(0, handle),
            Quote => ScriptedTpm.WithSession(
                [], [0, (byte)_recorded.Message.Length, .. _recorded.Message, .. _recorded.Signature]),
            _ => ScriptedTpm.Response(0),
        };
    }
}
