using System.Text;
using ImaHost.Learning;
using ImaHost.Policy;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace ImaHost.Tests.Learning;

public sealed class YamlGlobTests
{
    [Theory]
    [InlineData("/usr/bin/[")]
    [InlineData("/srv/a*b?c")]
    [InlineData("/srv/back\\slash")]
    [InlineData("/srv/new\nline \"quoted\" # no comment")]
    [InlineData("/srv/\u0085\u2028é")]
    public void Pattern_stands_for_its_path_alone_after_a_turn_through_YAML(string path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(path);

        var glob = PathGlob.Parse(ThroughYaml(YamlGlob.Of(new BytePath(bytes))));

        Assert.True(glob.IsExact);
        Assert.True(glob.Matches(bytes));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_matched_by_any()
    {
        byte[] path = [.. "/srv/"u8, 0xff, 0xfe, .. "x"u8];

        var glob = PathGlob.Parse(ThroughYaml(YamlGlob.Of(new BytePath(path))));

        Assert.True(glob.Matches(path));
        Assert.False(glob.Matches("/srv/x"u8));
        Assert.False(glob.Matches("/srv/aax/y"u8));
    }

    static string ThroughYaml(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader($"path: {YamlGlob.Quote(text)}\n"));
        return ((YamlScalarNode)((YamlMappingNode)stream.Documents[0].RootNode)["path"]).Value!;
    }
}
