using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Whoever makes a mount namespace decides what lies where in it. Nobody may have to wait for that.</summary>
public sealed class ForeignMountTests
{
    /// <summary>
    /// Of a program that has lost its name, and has another one left, the name is looked for where it runs: there lies a
    /// FUSE by then whose server never answers.
    /// </summary>
    [Fact]
    public void Program_below_a_server_that_does_not_answer_keeps_no_other_access_waiting()
    {
        using var bench = new PolicyBench(
            $"--policy {Bench.NewFile("rules", "measure func=FILE_CHECK imahost.exe=/nowhere|**/reader\n")}");
        string own = bench.AddData("own");
        string other = bench.AddData("other");
        string place = Bench.NewDirectory("place");
        string pipe = Path.Combine(Bench.NewDirectory("pipe"), "pipe");
        string server = Bench.NewFile(
            "server.py",
            "import ctypes, os, sys, time\n"
            + "fuse = os.open('/dev/fuse', os.O_RDWR)\n"
            + "options = b'fd=%d,rootmode=40000,user_id=0,group_id=0' % fuse\n"
            + "if ctypes.CDLL(None).mount(b'none', sys.argv[1].encode(), b'fuse', 0, options):\n"
            + "    sys.exit(1)\n"
            + "for _ in range(4):\n"
            + "    open(sys.argv[2], 'w').close()\n"
            + "    time.sleep(1)\n");
        using Running stranger = Shell.StartScript(
            $"cp /bin/cat {place}/reader; mkfifo {pipe}\n"
            + $"unshare --mount sh -c '{place}/reader {pipe} {own} & {place}/reader {pipe} {own} & {place}/reader {pipe} {own} &"
            + $" sleep 0.3; ln {place}/reader {place}/kept; rm {place}/reader; exec python3 {server} {place} {pipe}'");

        Shell.Until(() => bench.IsMeasured(own), $"the stranger's access is judged; {bench.Daemon.Log}");
        Shell.Must("cat", other);
        Assert.DoesNotContain("without a judgement", bench.Daemon.Log, StringComparison.Ordinal);
    }
}
