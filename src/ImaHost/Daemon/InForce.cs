using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Engine;

namespace ImaHost.Daemon;

/// <summary>What the running host judges by, for who asks why it judged so.</summary>
/// <param name="IsFlushed">All decisions up to now stand in the state directory.</param>
/// <param name="Dropped">Those that do not, and will not.</param>
/// <param name="Keys">A number that differs when the keys do, in hex; likewise the next two.</param>
sealed record InForce(
    DaemonOptions Options, bool IsFlushed, long Dropped, string? Keys, string? Blacklist, string? References)
{
    /// <summary>Has the decisions written, and asks for this.</summary>
    public const string Request = "decisions";

    const int FlushMilliseconds = 2000;

    public static string Answer(DaemonOptions options, ImaEngine engine)
    {
        bool isFlushed = engine.Decisions.Flush(FlushMilliseconds);
        Appraisal.Vouchers vouchers = engine.Vouchers;
        var inForce = new InForce(
            options, isFlushed, engine.Decisions.Dropped, DecisionWriter.Hex(vouchers.Keys.Stamp),
            DecisionWriter.Hex(vouchers.Blacklist.Stamp), DecisionWriter.Hex(vouchers.References.Stamp));
        return JsonSerializer.Serialize(inForce, InForceJson.Default.InForce);
    }

    /// <exception cref="ConfigurationException">The host is of another version.</exception>
    public static InForce Parse(string answer)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, InForceJson.Default.InForce)
                ?? throw new ConfigurationException("the running host tells nothing of what is in force");
        }
        catch (JsonException)
        {
            throw new ConfigurationException($"the running host is of another version: {answer.TrimEnd()}");
        }
    }
}

[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(InForce))]
sealed partial class InForceJson : JsonSerializerContext;
