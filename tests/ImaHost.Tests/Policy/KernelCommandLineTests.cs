using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class KernelCommandLineTests
{
    /// <summary>A command line, and its arguments: names and values, where "-" stands for none.</summary>
    public static TheoryData<string, string[]> Lines => new()
    {
        { "", [] },
        { " \t\n", [] },
        { "quiet", ["quiet", "-"] },
        { " a=1  b=\tc=3\n", ["a", "1", "b", "", "c", "3"] },
        { "a=\"b c\" d", ["a", "b c", "d", "-"] },
        { "\"a=b c\" d", ["a", "b c", "d", "-"] },
        { "\"a b\"", ["a b", "-"] },
        { "a=b\" \"c", ["a", "b\" \"c"] },
        { "a=\"b\"c", ["a", "b\"c"] },
        { "a=\"b c", ["a", "b c"] },
        { "a=\"", ["a", ""] },
        { "a=\"\"", ["a", ""] },
        { "a=b=c", ["a", "b=c"] },
        { "=a=b", ["=a", "b"] },
        { "a -- b", ["a", "-"] },
        { "a --=1 b", ["a", "-", "--", "1", "b", "-"] },
    };

    /// <summary>A command line, the policies it names, and what its one warning says.</summary>
    public static TheoryData<string, string?, string?> Policies => new()
    {
        { "quiet ro", null, null },
        { "ima_policy=tcb", "tcb", null },
        { "ima_policy=\"tcb|appraise_tcb\"", "tcb appraise_tcb", null },
        { "ima_policy=\"tcb appraise_tcb\"", "tcb appraise_tcb", null },
        { "\"ima_policy=tcb | secure_boot\"", "tcb secure_boot", null },
        { "ima_policy=critical_data ima_policy=tcb", "critical_data tcb", null },
        { "ima-policy=fail_securely", "fail_securely", null },
        { "IMA_POLICY=tcb", null, null },
        { "ima_policy", null, null },
        { "ima_policy=", null, null },
        { "ima_policy=tcb|tcb", "tcb", null },
        { "ima_tcb", "ima_tcb", null },
        { "ima_tcb=1 ima_appraise_tcb", "ima_tcb appraise_tcb", null },
        { "ima_tcb ima_policy=tcb|secure_boot", "ima_tcb secure_boot", "ima_policy: \"tcb\" is ignored after ima_tcb" },
        { "ima_policy=tcb ima_tcb", "tcb", "ima_policy: \"ima_tcb\" is ignored after tcb" },
        { "ima_policy=tcbb|secure_boot", "secure_boot", "ima_policy: \"tcbb\" is not a built-in policy; the nearest known one is \"tcb\"" },
        { "ima_policy=exec", null, "ima_policy: \"exec\" is not a built-in policy" },
        { "imahost.ima_policy=exec", "exec", null },
        { "imahost.ima_policy=tcb ima_policy=appraise_tcb", "tcb", null },
        { "imahost.ima_policy= ima_policy=tcb", null, null },
        { "imahost.ima_tcb ima_policy=tcb", "ima_tcb", null },
        { "imahost.ima_policy=tcbb ima_policy=secure_boot", null, "imahost.ima_policy: \"tcbb\" is not" },
        { "imahost.ima_polcy=tcb", null, "imahost.ima_polcy is not known; the nearest known one is \"ima_policy\"" },
        { "imahost.ima_policy", null, "imahost.ima_policy has no value" },
        { "quiet -- ima_policy=tcb", null, null },
    };

    /// <summary>A command line, the template and the hash it names, and what its one warning says.</summary>
    public static TheoryData<string, string?, string?, string?> Templates => new()
    {
        { "ima_template=ima-ng", "ima-ng", null, null },
        { "ima_template=d-ng|n-ng", "ima-ng", null, null },
        { "ima_template=ima-ng ima_template=ima-sig", "ima-ng", null, null },
        { "ima_template=ima-gn ima_template=ima-sig", "ima-sig", null, "ima_template: \"ima-gn\" is not a template; the nearest" },
        { "ima_template=d-ng|iuid", null, null, "ima_template: \"d-ng|iuid\" is not a template" },
        { "ima_template_fmt=d-ng|iuid", "d-ng|iuid", null, null },
        { "ima_template_fmt=d-ng|iuid ima_template=ima-ng", "d-ng|iuid", null, null },
        { "ima_template_fmt=ima-ng", null, null, "ima_template_fmt: \"ima-ng\" is not a template" },
        { "imahost.ima_template=ima-sigv2 ima_template=ima", "ima-sigv2", null, null },
        { "ima_hash=sha512", null, "sha512", null },
        { "ima_hash=sha512 ima_hash=sha256", null, "sha512", null },
        { "ima_hash=sha265 ima_hash=sha256", null, "sha256", "ima_hash: \"sha265\" is not a hash; the nearest known one is \"sha256\"" },
        { "ima_hash=sha512 imahost.ima_hash=sha384", null, "sha384", null },
        { "ima_template=ima ima_hash=sha256", "ima", null, "ima_hash: \"sha256\" is not for the template ima" },
        { "ima_template=ima ima_hash=sha1", "ima", "sha1", null },
        { "ima_hash=sha256 ima_template=ima", null, "sha256", "ima_template: \"ima\" takes the hash sha1, not sha256" },
    };

    /// <summary>A command line, the mode it names, whether it switches IMA on, and what its one warning says.</summary>
    public static TheoryData<string, string?, bool?, string?> Switches => new()
    {
        { "ima_appraise=enforce", "enforce", null, null },
        { "ima_appraise=fix ima_appraise=log", "log", null, null },
        { "ima_appraise=fix ima_appraise=enfrce", null, null, "ima_appraise: \"enfrce\" is not a mode; the nearest known one is \"enforce\"" },
        { "ima_appraise=offline", "off", null, null },
        { "imahost.ima_appraise=enforce ima_appraise=off", "enforce", null, null },
        { "ima_appraise_tcb", null, null, null },
        { "ima=off", null, false, null },
        { "ima=off ima=on", null, true, null },
        { "ima=of", null, null, "ima: \"of\" is neither \"on\" nor \"off\"" },
        { "ima", null, null, null },
        { "ima=off imahost.ima=on", null, true, null },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void Arguments_are_split_as_in_the_kernel(string line, string[] expected) =>
        Assert.Equal(expected, KernelArguments.In(line).SelectMany(one => new[] { one.Name, one.Value ?? "-" }));

    [Theory]
    [MemberData(nameof(Policies))]
    public void Policies_are_named_by_several_parameters(string line, string? expected, string? warning)
    {
        KernelCommandLine said = KernelCommandLine.Parse(line);
        Assert.Equal(expected?.Split(' '), said.Policies);
        Warned(warning, said);
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void First_template_and_hash_that_are_valid_win(string line, string? template, string? hash, string? warning)
    {
        KernelCommandLine said = KernelCommandLine.Parse(line);
        Assert.Equal((template, hash), (said.Template, said.Hash));
        Warned(warning, said);
    }

    [Theory]
    [MemberData(nameof(Switches))]
    public void Last_mode_and_switch_win(string line, string? mode, bool? isOn, string? warning)
    {
        KernelCommandLine said = KernelCommandLine.Parse(line);
        Assert.Equal((mode, isOn), (said.Appraise, said.IsOn));
        Warned(warning, said);
    }

    static void Warned(string? warning, KernelCommandLine said)
    {
        if (warning == null)
        {
            Assert.Empty(said.Warnings);
        }
        else
        {
            Assert.StartsWith(warning, Assert.Single(said.Warnings), StringComparison.Ordinal);
        }
    }
}
