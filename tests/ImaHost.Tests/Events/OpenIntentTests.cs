using System.Globalization;
using ImaHost.Events;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class OpenIntentTests
{
    [Theory]
    [InlineData("0", "Read", AccessMask.Read)] // O_RDONLY
    [InlineData("1", "Write", AccessMask.Write)] // O_WRONLY
    [InlineData("2", "ReadWrite", AccessMask.Read | AccessMask.Write)] // O_RDWR
    [InlineData("3", "ReadWrite", AccessMask.Read | AccessMask.Write)] // Neither, for ioctl(2): checked as both
    [InlineData("200", "ReadWrite", AccessMask.Read | AccessMask.Write)] // O_RDONLY|O_TRUNC
    [InlineData("241", "Write", AccessMask.Write)] // O_WRONLY|O_CREAT|O_TRUNC
    [InlineData("400", "Read", AccessMask.Read | AccessMask.Append)] // O_RDONLY|O_APPEND
    [InlineData("441", "Write", AccessMask.Write | AccessMask.Append)]
    [InlineData("602", "ReadWrite", AccessMask.Read | AccessMask.Write | AccessMask.Append)]
    [InlineData("88000", "Read", AccessMask.Read)] // O_CLOEXEC|O_LARGEFILE
    [InlineData("7fff00080001", "Write", AccessMask.Write)] // The upper half of the register is nobody's
    [InlineData("200002", "Unknown", null)] // O_PATH
    internal void FromFlags_masks_as_the_kernel_does(string hex, string mode, AccessMask? mask) => Assert.Equal(
        new OpenIntent(Enum.Parse<OpenMode>(mode), mask),
        OpenIntent.FromFlags(long.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture)));

    [Theory]
    [InlineData("0", "0", "Read", AccessMask.Read)]
    [InlineData("0", "400", "Read", null)]
    [InlineData("0", "1", "Unknown", null)]
    [InlineData("1", "2", "ReadWrite", null)]
    [InlineData("1", "401", "Write", null)]
    [InlineData("2", "200", "ReadWrite", AccessMask.Read | AccessMask.Write)]
    [InlineData("0", "200000", "Unknown", null)]
    internal void Agree_keeps_what_is_true_of_both(string one, string other, string mode, AccessMask? mask)
    {
        var expected = new OpenIntent(Enum.Parse<OpenMode>(mode), mask);
        OpenIntent first = OpenIntent.FromFlags(Convert.ToInt64(one, 16));
        OpenIntent second = OpenIntent.FromFlags(Convert.ToInt64(other, 16));
        Assert.Equal(first, OpenIntent.Agree(null, first));
        Assert.Equal(expected, OpenIntent.Agree(first, second));
        Assert.Equal(expected, OpenIntent.Agree(second, first));
    }

    [Fact]
    public void Read_cannot_tell_of_a_process_that_is_held_in_no_open()
    {
        using Child child = Child.Sleep();
        Assert.Equal(OpenIntent.Unknown, OpenModes.Read(child.Pid));
        Assert.Equal(OpenIntent.Unknown, OpenModes.Read(0));
        Assert.Equal(OpenIntent.Unknown, OpenModes.Read(int.MaxValue));
    }
}
