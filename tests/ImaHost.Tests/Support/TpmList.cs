using System.Buffers.Binary;
using System.Numerics;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Tests.Support;

/// <summary>A list with a TPM that holds what it is told: commands go through a socket, PCRs are in memory.</summary>
sealed class TpmList : IDisposable
{
    const uint PcrRead = 0x17e;
    const uint PcrExtend = 0x182;

    readonly TemporaryDirectory _directory = new();
    readonly ScriptedTpm _tpm;
    TpmCommands? _commands;
    RuntimeMeasurements? _list;

    public TpmList(params HashAlgorithm[] banks)
    {
        Pcrs = new SoftPcrs(banks);
        Attester = new SoftAttester(Pcrs.TryGet);
        State = new StateDirectory(_directory.At("state"));
        _tpm = new ScriptedTpm(Answer);
        Settings = new ListSettings(banks, 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false);
    }

    /// <summary>What the TPM holds.</summary>
    public SoftPcrs Pcrs { get; }

    /// <summary>What has its key.</summary>
    public SoftAttester Attester { get; }

    public StateDirectory State { get; private set; }

    /// <summary>How the list is opened next.</summary>
    public ListSettings Settings { get; set; }

    public string TpmName => _tpm.Name;

    /// <summary>The response code to all that it is asked; 0: it does it.</summary>
    public uint Refusal { get; set; }

    /// <summary>The extends that were done.</summary>
    public int Extends { get; private set; }

    public RuntimeMeasurements List => _list!;

    /// <summary>Puts a list there, as a host left it, without extending.</summary>
    public void Write(IEnumerable<Entry> entries)
    {
        string path = State.NextList();
        StateDirectory.MakeList(path);
        File.WriteAllBytes(SegmentFiles.Data(path, 0), [.. entries.SelectMany(entry => entry.Record())]);
        State.MakeCurrent(path);
    }

    /// <summary>What was said of where the list comes from.</summary>
    public List<string> Said { get; } = [];

    /// <summary>Another boot begins; PCRs stay, as over a kexec.</summary>
    public void Boot(string id)
    {
        _list?.Dispose();
        _list = null;

        // Files have times in ticks of the kernel, up to 10 ms; boots are further apart.
        Thread.Sleep(20);
        State = new StateDirectory(State.Path, id);
    }

    /// <summary>Begins as the first host of a boot does.</summary>
    public void Begin() => Open(tpm => ListStore.Begin(State, tpm, Settings, "1.2.3", Said.Add));

    /// <summary>Begins as a host does that takes over.</summary>
    public void Resume() => Open(tpm => ListStore.Resume(State, tpm, Settings));

    public StoreOutcome Add(Entry entry) =>
        List.Add(TemplateDescriptor.ImaSig, entry.Data(), entry.Pcr, entry.IsViolation ? EntryKind.Violation : EntryKind.Measurement);

    public void Dispose()
    {
        _list?.Dispose();
        _commands?.Dispose();
        _tpm.Dispose();
        Attester.Dispose();
        _directory.Dispose();
    }

    void Open(Func<TpmCommands, RuntimeMeasurements> open)
    {
        _list?.Dispose();
        _list = null;
        _commands?.Dispose();
        _commands = new TpmCommands(_tpm.Name, 2000);
        _list = open(_commands);
    }

    byte[] Answer(byte[] command) => (Refusal, ScriptedTpm.CodeOf(command)) switch
    {
        (not 0, _) => ScriptedTpm.Response(Refusal),
        (_, PcrRead) => Read(command),
        (_, PcrExtend) => Extend(command),
        _ => Attester.Answer(command) ?? ScriptedTpm.Response(0x143), // TPM_RC_COMMAND_CODE
    };

    byte[] Read(byte[] command)
    {
        byte[] selection = command[10..20];
        HashAlgorithm bank = HashAlgorithm.FromTpmId(BinaryPrimitives.ReadUInt16BigEndian(selection.AsSpan(4)))!;
        int pcr = BitOperations.TrailingZeroCount(selection[7] | (selection[8] << 8) | (selection[9] << 16));
        byte[] value = Pcrs[bank, pcr];
        return ScriptedTpm.Response(0, [0, 0, 0, 1, .. selection, 0, 0, 0, 1, 0, (byte)value.Length, .. value]);
    }

    byte[] Extend(byte[] command)
    {
        int pcr = command[13];
        int at = 27; // header, handle and an empty password are before the number of digests
        for (int left = BinaryPrimitives.ReadInt32BigEndian(command.AsSpan(at)); left > 0; left--)
        {
            HashAlgorithm bank = HashAlgorithm.FromTpmId(BinaryPrimitives.ReadUInt16BigEndian(command.AsSpan(at + 4)))!;
            Pcrs.Extend(bank, pcr, command[(at + 6)..(at + 6 + bank.Size)]);
            at += 2 + bank.Size;
        }

        Extends++;
        return ScriptedTpm.Response(0);
    }
}
