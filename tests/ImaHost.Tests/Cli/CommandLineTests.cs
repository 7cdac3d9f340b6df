using ImaHost.Cli;
using Xunit;

namespace ImaHost.Tests.Cli;

public sealed class CommandLineTests
{
    static readonly string LongState = "/" + new string('s', 150);

    /// <summary>The arguments, with a line for each.</summary>
    public static TheoryData<string> Unusable =>
    [
        "verify\n--tpm\nnone\n--list\n",
        "verify\n--tpm\nnone\n--list\n/dev/zero",
        $"verify\n--state\n{LongState}",
        "list\n",
        "measure\n--name\na\n",
        "measure\n--name\na\n/dev/zero",
        "measure\n--name\na\n/dev",
        $"measure\n--name\na\n/dev/null\n--state\n{LongState}",
        $"status\n--state\n{LongState}",
    ];

    [Theory]
    [MemberData(nameof(Unusable))]
    public void Argument_that_cannot_be_used_ends_a_command_with_the_status_of_wrong_usage(string arguments) =>
        Assert.Equal(2, CommandLine.Run(arguments.Split('\n')));
}
