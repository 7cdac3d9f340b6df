using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using ImaHost.Daemon;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>A datagram socket in the place of the journal's.</summary>
public sealed class JournalTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly Socket _journal = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    readonly string _path;

    public JournalTests()
    {
        _path = _directory.At("socket");
        _journal.Bind(new UnixDomainSocketEndPoint(_path));
        _journal.ReceiveTimeout = 5000;
    }

    public void Dispose()
    {
        _journal.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Denial_has_its_facts_as_fields()
    {
        using JournalLoggerProvider provider = Connect();
        ILogger log = provider.CreateLogger("imahost");

        EngineLog.Denial(
            log, "denied", "/srv/a b", "BPRM_CHECK", 4711, "bash", 1000, "invalid-signature", "/etc/x.yaml:3", "ima-sig|package",
            "signature", "a4010f57", "sha256:00", "do\nsomething");

        Dictionary<string, string> fields = Parse(Receive());
        Assert.StartsWith("denied \"/srv/a b\" hook=BPRM_CHECK pid=4711 ", fields["MESSAGE"], StringComparison.Ordinal);
        Assert.EndsWith("digest=sha256:00: do\nsomething", fields["MESSAGE"], StringComparison.Ordinal);
        Assert.Equal(("4", "imahost", JournalEntry.DenialId), (fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"], fields["MESSAGE_ID"]));
        Assert.Equal(("/srv/a b", "4711", "1000"), (fields["IMAHOST_PATH"], fields["IMAHOST_PID"], fields["IMAHOST_UID"]));
        Assert.Equal(("invalid-signature", "a4010f57"), (fields["IMAHOST_CAUSE"], fields["IMAHOST_KEY"]));
        Assert.Equal("do\nsomething", fields["IMAHOST_ADVICE"]);
    }

    [Fact]
    public void Other_lines_are_no_denials()
    {
        using JournalLoggerProvider provider = Connect();

        ILogger log = provider.CreateLogger("imahost");
        Logging.PolicyLoaded(log, 3);

        Dictionary<string, string> fields = Parse(Receive());
        Assert.Equal(("6", "policy of 3 rules in force"), (fields["PRIORITY"], fields["MESSAGE"]));
        Assert.False(fields.ContainsKey("MESSAGE_ID"));
    }

    [Fact]
    public void Journal_that_does_not_read_loses_lines_and_holds_nobody()
    {
        using JournalLoggerProvider provider = Connect();
        ILogger log = provider.CreateLogger("imahost");
        long start = Environment.TickCount64;
        for (int i = 0; i < 10_000; i++)
        {
            Logging.PolicyLoaded(log, i);
        }

        Assert.InRange(provider.Dropped, 1, 9_999);
        Assert.InRange(Environment.TickCount64 - start, 0, 5000);
        Assert.Contains("policy of 0 rules", Parse(Receive())["MESSAGE"], StringComparison.Ordinal);
    }

    [Fact]
    public void Line_that_no_datagram_takes_is_passed_as_a_file()
    {
        const string reader = """
            import os, socket, sys
            journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            journal.bind(sys.argv[1])
            payload, files, _, _ = socket.recv_fds(journal, 1 << 16, 1)
            assert payload == b"" and len(files) == 1
            sys.stdout.buffer.write(os.pread(files[0], 1 << 24, 0))
            """;
        string path = _directory.At("other");
        using Process python = Process.Start(
            new ProcessStartInfo("python3", ["-c", reader, path]) { RedirectStandardOutput = true })!;
        JournalSocket? socket = null;
        Assert.True(SpinWait.SpinUntil(() => (socket = JournalSocket.TryConnect(path)) != null, 10_000));
        using var provider = new JournalLoggerProvider(socket!);
        string cause = new('x', 1 << 20);

        ILogger log = provider.CreateLogger("imahost");
        Logging.PolicyRefused(log, cause);

        using var passed = new MemoryStream();
        python.StandardOutput.BaseStream.CopyTo(passed);
        Assert.Equal(0, provider.Dropped);
        Assert.Equal(cause, Parse(passed.ToArray())["IMAHOST_CAUSE"]);
    }

    [Fact]
    public void Journal_that_is_made_anew_is_found_again()
    {
        using JournalLoggerProvider provider = Connect();
        _journal.Close();
        File.Delete(_path);
        using var next = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        next.Bind(new UnixDomainSocketEndPoint(_path));
        next.ReceiveTimeout = 5000;

        ILogger log = provider.CreateLogger("imahost");
        Logging.PolicyLoaded(log, 1);

        Assert.Equal("policy of 1 rules in force", Parse(Receive(next))["MESSAGE"]);
    }

    [Fact]
    public void Place_where_nobody_listens_is_no_journal() =>
        Assert.Null(JournalSocket.TryConnect(_directory.At("nothing")));

    [Theory]
    [InlineData("Path", "PATH")]
    [InlineData("KeyId", "KEY_ID")]
    [InlineData("Élan2x", "LAN2X")]
    public void Field_is_named_as_the_journal_takes_it(string name, string field) =>
        Assert.Equal(field, JournalEntry.FieldName(name));

    JournalLoggerProvider Connect() => new(JournalSocket.TryConnect(_path)!);

    byte[] Receive(Socket? from = null)
    {
        byte[] buffer = new byte[1 << 16];
        return buffer[..(from ?? _journal).Receive(buffer)];
    }

    /// <summary>As the protocol says: NAME=VALUE LF, or NAME LF, 8 bytes of length, VALUE LF.</summary>
    static Dictionary<string, string> Parse(ReadOnlySpan<byte> entry)
    {
        var fields = new Dictionary<string, string>();
        while (!entry.IsEmpty)
        {
            int end = entry.IndexOf((byte)'\n');
            int equals = entry[..end].IndexOf((byte)'=');
            int start = equals < 0 ? end + 9 : equals + 1;
            int length = equals < 0 ? (int)BinaryPrimitives.ReadUInt64LittleEndian(entry[(end + 1)..]) : end - start;
            string name = Encoding.ASCII.GetString(entry[..(equals < 0 ? end : equals)]);
            Assert.All(name, letter => Assert.True(char.IsAsciiLetterUpper(letter) || char.IsAsciiDigit(letter) || letter == '_'));
            fields.Add(name, Encoding.UTF8.GetString(entry.Slice(start, length)));
            Assert.Equal((byte)'\n', entry[start + length]);
            entry = entry[(start + length + 1)..];
        }

        return fields;
    }
}
