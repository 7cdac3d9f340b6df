using System.Diagnostics;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Services ask at a socket of their own: who may, how, and that none holds up the others.</summary>
public sealed class ServiceSocketTests(BufferBench bench) : IClassFixture<BufferBench>
{
    /// <summary>One client has so long at most (ControlSocket), and so much is the machine busy.</summary>
    const int MostMilliseconds = 5000, Slack = 1500;

    [Fact]
    public void Configured_users_and_root_may_measure_and_no_others()
    {
        Assert.Equal("stored\n", bench.Ask("b'5 measure - service-state\\nhello'", BufferBench.Service));
        Assert.Equal("there\n", bench.Ask("b'5 measure - service-state\\nhello'"));
        Assert.Equal(
            $"error: user {BufferBench.Stranger} may not measure (measure_users: in imahost.yaml)\n",
            bench.Ask("b'5 measure - stranger-state\\nhello'", BufferBench.Stranger));

        string entry = Assert.Single(bench.Daemon.Entries("service-state"));
        Assert.EndsWith(" service-state 68656c6c6f", entry, StringComparison.Ordinal);
        Assert.Empty(bench.Daemon.Entries("stranger-state"));
        Assert.Equal(0, bench.Tpm.Verify(bench.Daemon.BinaryList).Status);
        Shell.Until(
            () => bench.Daemon.Log.Contains(
                $"buffer \"service-state\" of user {BufferBench.Service}: stored", StringComparison.Ordinal),
            "who asked is logged");
    }

    [Fact]
    public void Names_of_keyrings_are_for_root_alone()
    {
        foreach (string name in (string[])[".ima", "_ima"])
        {
            string refused = bench.Ask($"b'1 measure - {name}\\nx'", BufferBench.Service);
            Assert.StartsWith("error: names that begin with", refused, StringComparison.Ordinal);
            Assert.Equal("stored\n", bench.Ask($"b'1 measure - {name}\\nx'"));
        }
    }

    [Fact]
    public void Template_is_for_root_alone()
    {
        Assert.Equal(
            "error: only root chooses a template\n",
            bench.Ask("b'1 measure ima-ng chosen\\nx'", BufferBench.Service));
        Assert.Empty(bench.Daemon.Entries("chosen"));
        Assert.Equal("stored\n", bench.Ask("b'1 measure ima-ng chosen\\nx'"));
    }

    [Theory]
    [InlineData("b''")]
    [InlineData("b'\\n'")]
    [InlineData("b'hello\\n'")]
    [InlineData("b'-1 measure - x\\n'")]
    [InlineData("b'1 measure - \\nx'")]
    [InlineData("b'1 measure x\\nx'")]
    [InlineData("b'1 frobnicate - x\\nx'")]
    [InlineData("b'99999999999 measure - x\\nx'")]
    [InlineData("b'9 measure - x\\nx'")]
    [InlineData("b'x' * 10000")]
    [InlineData("bytes(range(256)) * 10")]
    [InlineData("b'1 status\\n'")]
    [InlineData("b'0 status\\n'")]
    public void What_is_no_question_is_answered_with_an_error(string sent)
    {
        string before = File.ReadAllText(bench.Daemon.AsciiList);

        string answer = bench.Ask(sent, BufferBench.Service);

        Assert.Matches("^error: [^\n]+\n$", answer);
        Assert.Equal(before, File.ReadAllText(bench.Daemon.AsciiList));
    }

    [Fact]
    public void Name_cannot_forge_a_line_of_the_list()
    {
        Assert.Equal("error: the name is not UTF-8\n", bench.Ask("b'1 measure - a\\xff\\nx'", BufferBench.Service));
        string answer = bench.Ask("b'1 measure - a\\x1b[2J\\r10 0000 ima-ng\\nx'", BufferBench.Service);

        Assert.Equal("stored\n", answer);
        string entry = Assert.Single(bench.Daemon.Entries("a\\x1b"));
        Assert.DoesNotContain(entry, char.IsControl);
        Assert.Equal(0, bench.Tpm.Verify(bench.Daemon.BinaryList).Status);
    }

    [Theory]
    [InlineData("s.sendall(b'100 measure - half\\nhalf')\ntime.sleep(30)")]
    [InlineData("time.sleep(30)")]
    [InlineData("s.sendall(b'100 measure - drip\\n')\nfor i in range(99): s.send(b'.'); time.sleep(0.2)")]
    public void Client_that_sends_half_and_stays_holds_up_the_others_for_a_short_time(string half)
    {
        using Running stuck = bench.Connect($"print('connected', flush=True)\n{half}", BufferBench.Service);
        Thread.Sleep(300);
        Assert.False(stuck.HasExited);

        var clock = Stopwatch.StartNew();
        string answer = bench.Ask($"b'1 measure - {Guid.NewGuid()}\\nx'", BufferBench.Service);

        Assert.Equal("stored\n", answer);
        Assert.InRange(clock.ElapsedMilliseconds, 0, MostMilliseconds + Slack);
        Shell.Run("kill", "-KILL", $"{stuck.Pid}");
        stuck.Wait();
    }

    [Fact]
    public void Administrator_is_not_held_up_by_a_stuck_service()
    {
        using Running stuck = bench.Connect(
            "s.sendall(b'100 measure - drip\\n')\nfor i in range(99): s.send(b'.'); time.sleep(0.2)",
            BufferBench.Service);
        Thread.Sleep(300);

        var clock = Stopwatch.StartNew();
        Assert.Equal(0, bench.Measure("x", "-", "--name", "meanwhile").Status);
        _ = bench.Daemon.Status();

        Assert.InRange(clock.ElapsedMilliseconds, 0, Slack);
        Shell.Run("kill", "-KILL", $"{stuck.Pid}");
        stuck.Wait();
    }

    [Fact]
    public void Socket_answers_again_when_the_host_was_replaced()
    {
        bench.Daemon.KillHost();
        Shell.Until(() => bench.Daemon.HostPid != 0, "another host");
        string answer = "";
        Shell.Until(
            () => (answer = Shell.Run(
                "/usr/bin/python3", "-c",
                $"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('{bench.Socket}')\n"
                + "s.sendall(b'1 measure - replaced\\nx')\nprint(s.recv(100).decode(), end='')").Output).Length > 0,
            "the socket answers");
        Assert.Equal("stored\n", answer);
    }
}
