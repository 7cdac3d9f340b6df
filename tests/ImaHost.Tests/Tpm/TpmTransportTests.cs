using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Tpm;

public sealed class TpmTransportTests
{
    [Theory]
    [InlineData("device:/dev/tpmrm0", false)]
    [InlineData("device:/dev/tpmrm1", false)]
    [InlineData("device:/dev/tpm0", true)]
    [InlineData("device:/dev/odd:name", true)]
    [InlineData("swtpm:path=/run/swtpm.sock", true)]
    [InlineData("swtpm:path=/run/a=b", true)]
    [InlineData("swtpm:host=localhost,port=2321", true)]
    [InlineData("swtpm:host=192.0.2.1,port=1", true)]
    [InlineData("swtpm:port=65535,host=::1", true)]
    [InlineData("swtpm:port=2321", true)]
    public void Parse_keeps_the_name_and_connects_to_nothing_yet(string text, bool admitsOneUser)
    {
        using TpmTransport transport = TpmTransport.Parse(text);
        Assert.Equal(text, transport.Name);
        Assert.Equal(admitsOneUser, transport.AdmitsOneUser);
    }

    [Theory]
    [InlineData("")]
    [InlineData("none")]
    [InlineData("device")]
    [InlineData("device:")]
    [InlineData("swtpm")]
    [InlineData("swtpm:")]
    [InlineData("Device:/dev/tpm0")]
    [InlineData("/dev/tpm0")]
    [InlineData("mssim:host=localhost,port=2321")]
    [InlineData("swtpm:/run/swtpm.sock")]
    [InlineData("swtpm:path=")]
    [InlineData("swtpm:path=/a,")]
    [InlineData("swtpm:path=/a,port=1")]
    [InlineData("swtpm:path=/a,host=b")]
    [InlineData("swtpm:host=localhost")]
    [InlineData("swtpm:host=,port=1")]
    [InlineData("swtpm:host=localhost,port=0")]
    [InlineData("swtpm:host=localhost,port=-1")]
    [InlineData("swtpm:host=localhost,port=65536")]
    [InlineData("swtpm:host=localhost,port=2321x")]
    [InlineData("swtpm:host=localhost,port=")]
    [InlineData("swtpm:host=localhost,prot=2321")]
    public void Parse_refuses_anything_else_and_quotes_it(string text)
    {
        FormatException refused = Assert.Throws<FormatException>(() => TpmTransport.Parse(text));
        Assert.StartsWith("--tpm", refused.Message, StringComparison.Ordinal);
        Assert.Contains(text, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Transmit_to_a_device_that_is_not_there_names_it()
    {
        using TpmTransport transport = TpmTransport.Parse("device:/nonexistent/tpm");
        IOException failed = Assert.ThrowsAny<IOException>(() => transport.Transmit([0], new byte[10], 100));
        Assert.Contains("/nonexistent/tpm", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Transmit_to_a_socket_that_is_not_there_names_it()
    {
        using TpmTransport transport = TpmTransport.Parse("swtpm:path=/nonexistent/socket");
        IOException failed = Assert.ThrowsAny<IOException>(() => transport.Transmit([0], new byte[10], 100));
        Assert.StartsWith("swtpm:path=/nonexistent/socket: ", failed.Message, StringComparison.Ordinal);
    }
}
