using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Segments;

/// <summary>Segments that are read as one file, by one who does not write them.</summary>
public sealed class SegmentBytesTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Read_finds_every_byte_whatever_segments_are_empty_or_erased()
    {
        Write(3, "abc");
        Write(4, "");
        Write(5, "d");
        Write(6, "");
        Write(7, "efghij");
        using var bytes = new SegmentBytes(_directory.Root);
        byte[] buffer = new byte[20];
        for (int offset = 0; offset <= 10; offset++)
        {
            Assert.Equal("abcdefghij"[offset..], System.Text.Encoding.ASCII.GetString(buffer[..bytes.Read(buffer, offset)]));
        }

        Write(8, "kl");
        Assert.Equal(12, bytes.Read(buffer, 0));
    }

    /// <summary>It ends: what is not there is not waited for.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Read_names_a_segment_that_was_cut_while_it_was_read(int number)
    {
        Write(0, "abcdef");
        Write(1, "ghijkl");
        using var bytes = new SegmentBytes(_directory.Root);
        byte[] buffer = new byte[20];
        Assert.Equal(12, bytes.Read(buffer, 0));
        Write(number, "xyz");

        IOException cut = Assert.Throws<IOException>(() => bytes.Read(buffer, 0));

        Assert.Equal(
            $"{SegmentFiles.Data(_directory.Root, number)} ends after 3 bytes: something has cut it while it was read; verify the segments",
            cut.Message);
    }

    void Write(int number, string text)
    {
        // The same file, as one who has it open sees it.
        using FileStream file = File.Open(
            SegmentFiles.Data(_directory.Root, number), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(0);
        file.Write(System.Text.Encoding.ASCII.GetBytes(text));
    }
}
