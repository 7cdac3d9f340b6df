using ImaHost.InteropTests.Support;
using static ImaHost.InteropTests.Support.ViolationBench;

namespace ImaHost.InteropTests;

/// <summary>
/// Files that are read and written at the same time, as kernels since 6.15 record them: the cases of LTP's
/// ima_violations, and readers and writers that come and go.
/// </summary>
public sealed class ViolationTests(ViolationBench bench) : IClassFixture<ViolationBench>
{
    [Theory]
    [MemberData(nameof(AllPlaces), MemberType = typeof(ViolationBench))]
    public void Reads_while_somebody_writes_are_one_open_writers(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        int first = bench.Writer.OpenToWrite(file.Path);
        int second = bench.OtherWriter.OpenToWrite(file.Path);

        bench.Reader.OpenToRead(file.Path);
        bench.Reader.OpenToRead(file.Path);
        bench.OtherReader.OpenToRead(file.Path);
        file.Expect(OpenWriters);

        // One of two writers goes: those that are left were told of.
        bench.Writer.Close(first);
        bench.Reader.OpenToRead(file.Path);
        file.Expect(OpenWriters);
        bench.OtherWriter.Close(second);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Writer_who_comes_after_the_last_has_gone_is_another_open_writers(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        for (int round = 0; round < 3; round++)
        {
            int written = bench.Writer.OpenToWrite(file.Path);
            int read = bench.Reader.OpenToRead(file.Path);
            bench.Reader.Close(read);
            bench.Writer.Close(written);
        }

        file.Expect(OpenWriters, OpenWriters, OpenWriters);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Mapping_to_write_whose_descriptor_is_closed_counts_as_a_writer(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        bench.Writer.Map(bench.Writer.Open(file.Path, "os.O_RDWR"), "mmap.MAP_SHARED");

        bench.Reader.OpenToRead(file.Path);

        file.Expect(OpenWriters);
    }

    [Theory]
    [MemberData(nameof(AllPlaces), MemberType = typeof(ViolationBench))]
    public void Writer_of_what_is_being_read_is_one_ToMToU_until_it_is_measured_again(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        bench.Reader.OpenToRead(file.Path);
        int first = bench.Writer.OpenToWrite(file.Path);
        file.Expect(ToMToU);

        int second = bench.OtherWriter.OpenToWrite(file.Path);
        bench.Writer.Close(first);
        bench.OtherWriter.Close(second);
        bench.Writer.Close(bench.Writer.OpenToWrite(file.Path));
        file.Expect(ToMToU);

        bench.OtherReader.OpenToRead(file.Path);
        bench.Writer.OpenToWrite(file.Path);
        file.Expect(ToMToU, ToMToU);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Writer_after_the_last_reader_has_gone_is_no_violation(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        bench.Reader.Close(bench.Reader.OpenToRead(file.Path));

        bench.Writer.Close(bench.Writer.OpenToWrite(file.Path));
        bench.Reader.OpenToRead(file.Path);
        file.Expect();

        bench.Writer.OpenToWrite(file.Path);
        file.Expect(ToMToU);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Open_to_read_and_write_is_a_writer_and_no_violation_by_itself(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        int alone = bench.Writer.Open(file.Path, "os.O_RDWR");
        int other = bench.OtherWriter.Open(file.Path, "os.O_RDWR");
        file.Expect();
        bench.Writer.Close(alone);
        bench.OtherWriter.Close(other);

        bench.Reader.OpenToRead(file.Path);
        bench.Writer.Open(file.Path, "os.O_RDWR");
        file.Expect(ToMToU);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Reader_who_has_it_mapped_only_is_a_reader(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        bench.Reader.Map(bench.Reader.OpenToRead(file.Path), "mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC");

        bench.Writer.OpenToWrite(file.Path);

        file.Expect(ToMToU);
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Replacing_a_file_that_is_being_read_is_no_violation(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        WatchedFile successor = bench.NewFile(kind, what);
        bench.Reader.OpenToRead(file.Path);

        Shell.Must("mv", "-f", successor.Path, file.Path);
        bench.Writer.OpenToWrite(file.Path);

        file.Expect();
        successor.Expect();
    }

    [Theory]
    [MemberData(nameof(Places), MemberType = typeof(ViolationBench))]
    public void Writer_who_maps_what_is_being_read_is_a_ToMToU(string kind, string what)
    {
        WatchedFile file = bench.NewFile(kind, what);
        bench.Reader.OpenToRead(file.Path);

        bench.Writer.Map(bench.Writer.Open(file.Path, "os.O_RDWR"), "mmap.MAP_SHARED");

        file.Expect(ToMToU);
    }

    [Fact]
    public void Violation_is_logged_in_the_words_of_the_kernel_and_counted()
    {
        WatchedFile file = bench.NewFile("ext4", "data");
        string counter = Path.Combine(file.Daemon.Fs, "violations");
        int before = int.Parse(File.ReadAllText(counter), System.Globalization.CultureInfo.InvariantCulture);
        bench.Writer.OpenToWrite(file.Path);
        bench.Reader.OpenToRead(file.Path);
        bench.OtherWriter.OpenToWrite(file.Path);
        file.Expect(OpenWriters, ToMToU);

        string place = Shell.Must("stat", "-c", "%Hd:%Ld ino=%i", file.Path).TrimEnd();
        string Line(string cause, int pid) =>
            $"op=invalid_pcr cause={cause} comm=\"python3\" name=\"{file.Path}\" dev={place} pid={pid} uid=0";

        string[] said =
            [.. file.Daemon.Log.Split('\n').Where(line => line.Contains(file.Path, StringComparison.Ordinal))];
        Assert.EndsWith(Line(OpenWriters, bench.Reader.Pid), said[0], StringComparison.Ordinal);
        Assert.EndsWith(Line(ToMToU, bench.OtherWriter.Pid), said[1], StringComparison.Ordinal);
        Assert.Equal($"{before + 2}\n", File.ReadAllText(counter));
        long counted = file.Daemon.Status().GetProperty("list").GetProperty("violations").GetInt64();
        Assert.Equal(before + 2, counted);
    }

    [Fact]
    public void Violation_entry_precedes_the_measurement_of_the_read_that_it_spoils()
    {
        WatchedFile file = bench.NewFile("ext4", "data");
        bench.Writer.OpenToWrite(file.Path);
        bench.Reader.OpenToRead(file.Path);
        file.Expect(OpenWriters);

        string[] entries = file.Daemon.Entries(file.Path);
        Assert.Equal(2, entries.Length);
        string zeros = new('0', 64);
        Assert.EndsWith($" ima-sig sha256:{zeros} {file.Path} ", entries[0], StringComparison.Ordinal);
        string digest = Shell.Must("sha256sum", file.Path)[..64];
        Assert.EndsWith($" ima-sig sha256:{digest} {file.Path} ", entries[1], StringComparison.Ordinal);
    }
}
