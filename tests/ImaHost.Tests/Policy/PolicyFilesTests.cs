using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class PolicyFilesTests : IDisposable
{
    const string Kernel = "# why\nmeasure func=BPRM_CHECK\n";
    const string Yaml = "version: 1\nrules:\n  - action: measure\n    func: BPRM_CHECK\n";

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("site.yaml", Yaml)]
    [InlineData("site.yml", Yaml)]
    [InlineData("site.ima", Kernel)]
    [InlineData("ima-policy", Kernel)]
    [InlineData("site.YAML", Kernel)]
    [InlineData("site.yaml.txt", Kernel)]
    public void Language_of_a_file_is_told_by_its_name(string name, string text) =>
        Assert.Equal("measure func=BPRM_CHECK", Assert.Single(Read(name, text).Rules.Rules).ToString());

    [Fact]
    public void File_is_returned_with_the_bytes_that_were_parsed()
    {
        LoadedFile file = Read("site.ima", Kernel);
        Assert.Equal(_directory.At("site.ima"), file.Path);
        Assert.Equal(Kernel, System.Text.Encoding.UTF8.GetString(file.Content));
        Assert.False(file.IsSigned);
        Assert.Equal($"{file.Path}:2", Assert.Single(file.Rules.Rules).Origin);
    }

    [Fact]
    public void File_tells_that_it_includes_fail_securely() =>
        Assert.True(Read("site.yaml", "version: 1\ninclude: [fail_securely]\n").Rules.FailsSecurely);

    [Fact]
    public void Mistake_in_a_file_is_named_with_its_place() =>
        Refused(_directory.Write("site.ima", "# why\nmeazure\n"), ":2:1: \"meazure\" is neither");

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused_with_their_place()
    {
        File.WriteAllBytes(_directory.At("site.ima"), [.. "measure path=/"u8, 0xff, .. "\n"u8]);
        Refused(_directory.At("site.ima"), ":1:9: ");
    }

    [Fact]
    public void Missing_file_is_named_with_the_cause() =>
        Refused(_directory.At("missing"), ": No such file or directory (ENOENT)");

    [Fact]
    public void Directory_is_not_read_as_a_file() => Refused(_directory.Root, ": is not a regular file");

    [Fact]
    public void Device_is_not_read_as_a_file() => Refused("/dev/zero", ": is not a regular file");

    [Fact]
    public void Pipe_is_refused_and_not_waited_for()
    {
        string pipe = _directory.At("pipe.ima");
        Child.Run("/usr/bin/mkfifo", pipe);
        Refused(pipe, ": is not a regular file");
    }

    [Fact]
    public void File_of_the_longest_size_is_read() =>
        Assert.Empty(Read("site.ima", new string('#', KernelPolicyReader.MostBytes)).Rules.Rules);

    [Fact]
    public void Longer_file_is_refused_with_its_size_and_the_limit()
    {
        string path = _directory.At("site.ima");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(10 << 20);
        }

        Refused(path, ": has 10485760 bytes; more than 1048576 are not read");
    }

    [Fact]
    public void File_without_a_size_is_read_to_its_end() =>
        Assert.Equal(File.ReadAllBytes("/proc/version"), PolicyFiles.ReadBytes("/proc/version", 1 << 16));

    [Fact]
    public void File_without_a_size_is_read_to_the_limit_only()
    {
        PolicyException refused = Assert.Throws<PolicyException>(() => PolicyFiles.ReadBytes("/proc/version", 3));
        Assert.EndsWith("more than 3 are not read", refused.Message, StringComparison.Ordinal);
    }

    LoadedFile Read(string name, string text) => PolicyFiles.Read(_directory.Write(name, text), keys: null);

    static void Refused(string path, string why)
    {
        PolicyException refused = Assert.Throws<PolicyException>(() => PolicyFiles.Read(path, keys: null));
        Assert.StartsWith(path + why, refused.Message, StringComparison.Ordinal);
    }
}
