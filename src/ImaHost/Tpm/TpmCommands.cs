using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>
/// The few commands that measuring needs, marshalled by hand. Structures are those of the TPM 2.0 Library
/// specification, Part 2; commands of Part 3. Integers are big-endian.
/// </summary>
sealed class TpmCommands : IDisposable
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
    const int HeaderSize = 10;

    /// <summary>A TPM has PCRs 0 to 23 (PC Client Platform TPM Profile, section 4.6).</summary>
    public const int MaxPcr = 23;

    readonly byte[] _command = new byte[1024];
    readonly byte[] _response = new byte[4096];
    readonly int _timeout;
    int _length;

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
        Begin(NoSessions, CommandGetCapability);
        Put32(CapabilityPcrs);
        Put32(0);
        Put32(1);
        ReadOnlySpan<byte> body = Run("TPM2_GetCapability(TPM_CAP_PCRS)");
        _ = TakeBytes(ref body, 5); // moreData, capability
        var banks = new List<HashAlgorithm>();
        var unknown = new List<ushort>();
        for (uint left = Take32(ref body); left > 0; left--)
        {
            ushort id = Take16(ref body);
            bool isAllocated = TakeBytes(ref body, TakeBytes(ref body, 1)[0]).ContainsAnyExcept((byte)0);
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
        if (pcr is < 0 or > MaxPcr)
        {
            throw NoPcr(bank, pcr);
        }

        Begin(NoSessions, CommandPcrRead);
        Put32(1);
        Put16(bank.TpmId);
        _command[_length++] = 3;
        Span<byte> selection = _command.AsSpan(_length, 3);
        selection.Clear();
        selection[pcr / 8] = (byte)(1 << (pcr % 8));
        _length += 3;
        ReadOnlySpan<byte> body = Run("TPM2_PCR_Read");
        _ = Take32(ref body); // pcrUpdateCounter
        for (uint left = Take32(ref body); left > 0; left--)
        {
            _ = Take16(ref body);
            _ = TakeBytes(ref body, TakeBytes(ref body, 1)[0]);
        }

        uint count = Take32(ref body);
        if (count != 1 || Take16(ref body) != bank.Size || body.Length < bank.Size)
        {
            throw NoPcr(bank, pcr);
        }

        return new Digest(bank, body);
    }

    /// <summary>The value of one PCR in each of the banks, in their order.</summary>
    public Digest[] ReadPcr(IReadOnlyList<HashAlgorithm> banks, int pcr) => [.. banks.Select(bank => ReadPcr(bank, pcr))];

    /// <summary>Extends one PCR in all the banks given, in one command.</summary>
    public void Extend(int pcr, ReadOnlySpan<Digest> digests)
    {
        Begin(Sessions, CommandPcrExtend);
        Put32((uint)pcr);
        Put32(9); // authorizationSize of an empty password: handle, nonce, attributes, hmac
        Put32(PasswordSession);
        Put16(0);
        _command[_length++] = 0;
        Put16(0);
        Put32((uint)digests.Length);
        foreach (ref readonly Digest digest in digests)
        {
            Put16(digest.Algorithm.TpmId);
            digest.Bytes.CopyTo(_command.AsSpan(_length));
            _length += digest.Algorithm.Size;
        }

        _ = Run("TPM2_PCR_Extend");
    }

    public void Dispose() => Transport.Dispose();

    void Begin(ushort tag, uint command)
    {
        _length = 0;
        Put16(tag);
        Put32(0);
        Put32(command);
    }

    ReadOnlySpan<byte> Run(string command)
    {
        BinaryPrimitives.WriteInt32BigEndian(_command.AsSpan(2), _length);
        uint code = Transmit(command, out int size);
        if (code == CodeInitialize)
        {
            StartUp();
            code = Transmit(command, out size);
        }

        return code == 0 ? _response.AsSpan(HeaderSize, size - HeaderSize) : throw TpmException.Refused(command, code);
    }

    uint Transmit(string command, out int size)
    {
        size = Transport.Transmit(_command.AsSpan(0, _length), _response, _timeout);
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

    void Put16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_command.AsSpan(_length), value);
        _length += 2;
    }

    void Put32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_command.AsSpan(_length), value);
        _length += 4;
    }

    static TpmException NoPcr(HashAlgorithm bank, int pcr) => new($"the TPM has no PCR {pcr} in its {bank} bank");

    static ushort Take16(ref ReadOnlySpan<byte> body) => BinaryPrimitives.ReadUInt16BigEndian(TakeBytes(ref body, 2));

    static uint Take32(ref ReadOnlySpan<byte> body) => BinaryPrimitives.ReadUInt32BigEndian(TakeBytes(ref body, 4));

    static ReadOnlySpan<byte> TakeBytes(ref ReadOnlySpan<byte> body, int count)
    {
        if (count > body.Length)
        {
            throw new TpmException("the TPM's response ends too early");
        }

        ReadOnlySpan<byte> taken = body[..count];
        body = body[count..];
        return taken;
    }
}
