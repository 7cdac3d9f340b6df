using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>
/// The few commands that measuring needs, marshalled by hand. Structures are those of the TPM 2.0 Library
/// specification, Part 2; commands of Part 3. Integers are big-endian. One command at a time is under way, as in the TPM
/// itself: other threads wait for it.
/// </summary>
sealed partial class TpmCommands : IDisposable
{
    const ushort NoSessions = 0x8001; // TPM_ST_NO_SESSIONS, Part 2, 6.9
    const ushort Sessions = 0x8002; // TPM_ST_SESSIONS
    const uint CommandStartup = 0x144; // Part 3, 9.3
    const uint CommandPcrRead = 0x17e; // Part 3, 22.4
    const uint CommandGetCapability = 0x17a; // Part 3, 30.2
    const uint CommandPcrExtend = 0x182; // Part 3, 22.2
    const uint CapabilityPcrs = 5; // TPM_CAP_PCRS, Part 2, 6.12
    const uint PasswordSession = 0x40000009; // TPM_RS_PW, Part 2, 7.4
    const uint CodeInitialize = 0x100; // TPM_RC_INITIALIZE, Part 2, 6.6.3
    const uint CodeRetry = 0x922; // TPM_RC_RETRY: the command was not started
    const int MostRetries = 3;
    const int HeaderSize = 10;
    const string Response = "the TPM's response";

    /// <summary>A TPM has PCRs 0 to 23 (PC Client Platform TPM Profile, section 4.6).</summary>
    public const int MaxPcr = 23;

    readonly TpmWriter _command = new(4096);
    readonly byte[] _response = new byte[4096];
    readonly int _timeout;
    readonly Lock _gate = new();

    /// <param name="name">The TPM, as <see cref="TpmTransport.Parse"/> reads it.</param>
    /// <param name="timeout">Milliseconds for one command.</param>
    /// <exception cref="FormatException">The name is not understood.</exception>
    public TpmCommands(string name, int timeout)
    {
        Transport = TpmTransport.Parse(name);
        _timeout = timeout;
    }

    /// <param name="transport">To the TPM; disposed with this.</param>
    /// <param name="timeout">Milliseconds for one command.</param>
    public TpmCommands(TpmTransport transport, int timeout)
    {
        Transport = transport;
        _timeout = timeout;
    }

    public TpmTransport Transport { get; }

    /// <summary>TPM_ALG_ID of allocated banks that OpenSSL has no algorithm for. After <see cref="ReadBanks"/>.</summary>
    public IReadOnlyList<ushort> UnknownBanks { get; private set; } = [];

    /// <summary>The hash algorithms of the allocated PCR banks that are known here.</summary>
    public List<HashAlgorithm> ReadBanks()
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(NoSessions, CommandGetCapability);
        _command.Put32(CapabilityPcrs);
        _command.Put32(0);
        _command.Put32(1);
        TpmReader body = Run("TPM2_GetCapability(TPM_CAP_PCRS)");
        _ = body.Take(5); // moreData, capability
        var banks = new List<HashAlgorithm>();
        var unknown = new List<ushort>();
        for (uint left = body.Take32(); left > 0; left--)
        {
            ushort id = body.Take16();
            bool isAllocated = body.Take(body.Take8()).ContainsAnyExcept((byte)0);
            if (isAllocated && HashAlgorithm.FromTpmId(id) is { } algorithm)
            {
                banks.Add(algorithm);
            }
            else if (isAllocated)
            {
                unknown.Add(id);
            }
        }

        UnknownBanks = unknown;
        return banks;
    }

    /// <summary>The value of one PCR.</summary>
    public Digest ReadPcr(HashAlgorithm bank, int pcr)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (pcr is < 0 or > MaxPcr)
        {
            throw NoPcr(bank, pcr);
        }

        Begin(NoSessions, CommandPcrRead);
        _command.Put32(1);
        _command.Put16(bank.TpmId);
        _command.Put8(3);
        for (int first = 0; first <= MaxPcr; first += 8)
        {
            _command.Put8((byte)(pcr / 8 * 8 == first ? 1 << (pcr % 8) : 0));
        }

        TpmReader body = Run("TPM2_PCR_Read");
        _ = body.Take32(); // pcrUpdateCounter
        for (uint left = body.Take32(); left > 0; left--)
        {
            _ = body.Take16();
            _ = body.Take(body.Take8());
        }

        uint count = body.Take32();
        if (count != 1 || body.Take16() != bank.Size || body.Rest.Length < bank.Size)
        {
            throw NoPcr(bank, pcr);
        }

        return new Digest(bank, body.Rest);
    }

    /// <summary>The value of one PCR in each of the banks, in their order.</summary>
    public Digest[] ReadPcr(IReadOnlyList<HashAlgorithm> banks, int pcr) => [.. banks.Select(bank => ReadPcr(bank, pcr))];

    /// <summary>Extends one PCR in all the banks given, in one command.</summary>
    public void Extend(int pcr, ReadOnlySpan<Digest> digests)
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(Sessions, CommandPcrExtend);
        _command.Put32((uint)pcr);
        PutEmptyPassword();
        _command.Put32((uint)digests.Length);
        foreach (ref readonly Digest digest in digests)
        {
            _command.Put16(digest.Algorithm.TpmId);
            _command.Put(digest.Bytes);
        }

        _ = Run("TPM2_PCR_Extend");
    }

    /// <summary>Ends the connection, after the command that is under way. The next command makes a new one.</summary>
    public void Release()
    {
        using Lock.Scope held = _gate.EnterScope();
        Transport.Release();
    }

    public void Dispose() => Transport.Dispose();

    void Begin(ushort tag, uint command)
    {
        _command.Clear();
        _command.Put16(tag);
        _command.Put32(0);
        _command.Put32(command);
    }

    /// <summary>An authorization area with one empty password: TPMS_AUTH_COMMAND, Part 2, 10.13.2.</summary>
    void PutEmptyPassword()
    {
        _command.Put32(9); // authorizationSize: handle, nonce, attributes, hmac
        _command.Put32(PasswordSession);
        _command.Put16(0);
        _command.Put8(0);
        _command.Put16(0);
    }

    /// <summary>Sends the command that was written.</summary>
    /// <param name="timeout">Milliseconds; 0: as for any command.</param>
    /// <returns>What follows the header of the response.</returns>
    TpmReader Run(string command, int timeout = 0)
    {
        timeout = Math.Max(timeout, _timeout);
        _command.Patch32(2, _command.Written.Length);
        uint code = Transmit(command, timeout, out int size);
        if (code == CodeInitialize)
        {
            StartUp();
            code = Transmit(command, timeout, out size);
        }

        // So says a TPM that had to note first that a key which guessing could lock is used: Part 1, "Dictionary Attack".
        for (int tries = 0; code == CodeRetry && tries < MostRetries; tries++)
        {
            code = Transmit(command, timeout, out size);
        }

        return code == 0
            ? new TpmReader(_response.AsSpan(HeaderSize, size - HeaderSize), Response)
            : throw TpmException.Refused(command, code);
    }

    uint Transmit(string command, int timeout, out int size)
    {
        size = Transport.Transmit(_command.Written, _response, timeout);
        return size >= HeaderSize
            ? BinaryPrimitives.ReadUInt32BigEndian(_response.AsSpan(6))
            : throw new TpmException($"{Transport.Name} answered {command} with {size} bytes");
    }

    /// <summary>An emulator may wait for TPM2_Startup(TPM_SU_CLEAR), which firmware sends to a real TPM.</summary>
    void StartUp()
    {
        Span<byte> startup = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16BigEndian(startup, NoSessions);
        BinaryPrimitives.WriteInt32BigEndian(startup[2..], startup.Length);
        BinaryPrimitives.WriteUInt32BigEndian(startup[6..], CommandStartup);
        _ = Transport.Transmit(startup, _response, _timeout);
    }

    static TpmException NoPcr(HashAlgorithm bank, int pcr) => new($"the TPM has no PCR {pcr} in its {bank} bank");
}
