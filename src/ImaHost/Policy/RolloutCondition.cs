using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ImaHost.Policy;

/// <summary>
/// rollout: the rule holds on that share of machines, in percent. Which they are is told by the machine's id, so that a
/// machine that once belongs stays in as the share grows. An extension.
/// </summary>
sealed class RolloutCondition(RuleOption option, int percent, bool holds)
    : RuleCondition(option, '=', [percent.ToString(CultureInfo.InvariantCulture)])
{
    const int Whole = 100;

    /// <summary>machine-id(5).</summary>
    const string MachineIdFile = "/etc/machine-id";

    static readonly Lazy<string?> MachineId = new(ReadMachineId);

    public override bool IsAboutFile => true;

    public static RolloutCondition Read(in RuleValue value)
    {
        string text = value.Text.TrimEnd('%');
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int percent) && percent <= Whole
            ? new RolloutCondition(value.Option, percent, IsAmong(MachineId.Value, percent))
            : throw new FormatException($"\"{value.Text}\" is no share of machines: 0 to {Whole} percent");
    }

    public override bool? Holds(in AccessFacts facts) => holds;

    /// <summary>Is that machine among so many of a hundred? One without an id is among all of them or none.</summary>
    public static bool IsAmong(string? machineId, int percent)
    {
        if (string.IsNullOrEmpty(machineId))
        {
            return percent == Whole;
        }

        byte[] digest = SHA256.HashData(Encoding.ASCII.GetBytes("imahost rollout " + machineId));
        return BinaryPrimitives.ReadUInt32LittleEndian(digest) % Whole < percent;
    }

    static string? ReadMachineId()
    {
        try
        {
            return File.ReadAllText(MachineIdFile).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
