using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>One line of the log as the journal takes it: fields of bytes.</summary>
static class JournalEntry
{
    /// <summary>MESSAGE_ID of denials: `journalctl MESSAGE_ID=…` shows them and nothing else.</summary>
    public const string DenialId = "9949f44462c548fa9615c2087ba3f913";

    /// <summary>EventId of a denial, EngineLog.</summary>
    public const int DenialEvent = 1;

    const string Prefix = "IMAHOST_";

    /// <summary>Writes the entry: what the line is made of, each as a field of its own too.</summary>
    /// <param name="facts">By the names in the message's template.</param>
    public static void Append(
        LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>>? facts, ByteBuilder into)
    {
        Append("MESSAGE", message, into);
        Append("PRIORITY", Priority(level), into);
        Append("SYSLOG_IDENTIFIER", "imahost", into);
        if (id.Id == DenialEvent)
        {
            Append("MESSAGE_ID", DenialId, into);
        }

        foreach ((string name, object? value) in facts ?? [])
        {
            if (!name.StartsWith('{') && value != null)
            {
                Append(Prefix + FieldName(name), Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", into);
            }
        }
    }

    /// <summary>"KeyId" is KEY_ID: the journal takes capitals, digits and "_".</summary>
    internal static string FieldName(string name)
    {
        var field = new StringBuilder();
        foreach (char letter in name.Where(char.IsAsciiLetterOrDigit))
        {
            bool begins = char.IsAsciiLetterUpper(letter) && field.Length > 0;
            _ = (begins ? field.Append('_') : field).Append(char.ToUpperInvariant(letter));
        }

        return field.ToString();
    }

    /// <summary>A value of several lines tells its length.</summary>
    static void Append(string name, string value, ByteBuilder into)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        into.Append(Encoding.ASCII.GetBytes(name));
        if (!bytes.Contains((byte)'\n'))
        {
            into.Append((byte)'=');
        }
        else
        {
            Span<byte> length = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)bytes.Length);
            into.Append((byte)'\n');
            into.Append(length);
        }

        into.Append(bytes);
        into.Append((byte)'\n');
    }

    /// <summary>syslog(3).</summary>
    static string Priority(LogLevel level) => level switch
    {
        LogLevel.Critical => "2",
        LogLevel.Error => "3",
        LogLevel.Warning => "4",
        LogLevel.Information => "6",
        LogLevel.Trace or LogLevel.Debug or LogLevel.None or _ => "7",
    };
}
