using System.Diagnostics;
using System.Text;
using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class YamlPolicyReaderTests
{
    const string Source = "/etc/ima/site.yaml";
    const int Mebibyte = 1 << 20;
    static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(20);

    /// <summary>A text that is refused, the place, and what the error has to name.</summary>
    public static TheoryData<string, string, string> Bad => new()
    {
        { "", "", "begins with \"version: 1\"" },
        { "# nothing\n", "", "begins with \"version: 1\"" },
        { "---\n", ":2:", "a mapping with the keys version and rules is expected here" },
        { "[]", ":1:1", "a mapping with the keys version and rules" },
        { "version", ":1:1", "a mapping with the keys version and rules" },
        { "{}", ":1:1", "no \"version: 1\"" },
        { "rules: []", ":1:1", "no \"version: 1\"" },
        { "version: 2\nrules: []", ":1:10", "version \"2\" is not known here; 1 is" },
        { "version: 1.0", ":1:10", "version \"1.0\" is not known here" },
        { "version: [1]", ":1:10", "a number is expected here" },
        { "version: 1\nversion: 1", ":2:1", "\"version\" is given twice" },
        { "version: 1\nrulez: []", ":2:1", "unknown key \"rulez\"; the nearest known one is \"rules\"" },
        { "version: 1\nrules: {}", ":2:8", "a list of rules is expected here" },
        { "version: 1\nrules:", ":2:7", "a list of rules is expected here" },
        { "version: 1\nrules: measure", ":2:8", "a list of rules is expected here" },
        { "version: 1\nrules: []\nrules: []", ":3:1", "\"rules\" is given twice" },
        { "version: 1\nrules: [measure]", ":2:9", "a rule, which is a mapping" },
        { "version: 1\nrules: [[]]", ":2:9", "a rule, which is a mapping" },
        { "version: 1\nrules: [{}]", ":2:9", "a rule without an action" },
        { "version: 1\nrules:\n  - func: BPRM_CHECK", ":3:5", "a rule without an action" },
        { "version: 1\ninclude: tbc", ":2:10", "\"tbc\" is not a built-in policy; known are tcb, ima_tcb, " },
        { "version: 1\ninclude: [tcb, exce]", ":2:16", "\"exce\" is not a built-in policy; the nearest known one is \"exec\"" },
        { "version: 1\ninclude: {tcb: 1}", ":2:10", "a value is expected here" },
        { "version: 1\ninclude: [[tcb]]", ":2:11", "a value is expected here" },
        { "version: 1\n---\nversion: 1", ":2:1", "no second document is expected here" },
        { "version: 1\n...\n---\nversion: 1", ":3:1", "no second document is expected here" },
        { "&a version: 1", ":1:1", "anchors (&) and aliases (*) are not taken" },
        { "version: &a 1", ":1:10", "anchors (&) and aliases (*) are not taken" },
        { "version: *a", ":1:10", "anchors (&) and aliases (*) are not taken" },
        { "version: 1\nrules: [*a]", ":2:9", "anchors (&) and aliases (*) are not taken" },
        { "version: 1\n<<: {a: b}", ":2:1", "unknown key \"<<\"" },
        { "version: !!int 1", ":1:10", "tags (!) are not taken" },
        { "!policy\nversion: 1", ":1:1", "tags (!) are not taken" },
        { "version: 1\n? [a]\n: b", ":2:3", "a key is expected here" },
        { "version: 1\n{a: b}: c", ":2:1", "a key is expected here" },
        { "version: 1\nrules: [", ":3:", "" },
        { "version: \"1", ":1:", "" },
        { "version: 1\n\trules: []", ":", "" },
        { "version: 1 # fine\nrules: []]", ":2:", "" },
        { "version: \"\\0\"", ":1:10", "characters that cannot be shown" },
        { "version: \"\\u2028\"", ":1:10", "characters that cannot be shown" },
        { "ver\ufffdion: 1", ":1:1", "characters that cannot be shown, or that are not UTF-8" },
        { "version: 1\nrules: \0", ":2:", "" },
        // YamlDotNet throws InvalidOperationException for that.
        { "version: 1\nrules: [a\nb: c", ":2:8", "what follows here is not YAML" },
    };

    /// <summary>Keys of a rule on line 5, the column of what is wrong, and what the error has to name.</summary>
    public static TheoryData<string, int, string> BadKeys => new()
    {
        { "fnuc: BPRM_CHECK", 5, "unknown key \"fnuc\"; the nearest known one is \"func\"" },
        { "action: measure", 5, "\"action\" is given twice" },
        { "func: BPRM", 11, "func: \"BPRM\" is not a hook; " },
        { "func: [BPRM_CHECK, FILE_CHECK]", 12, "\"func\" takes one value" },
        { "func: []", 5, "\"func\" has no value" },
        { "func:", 10, "\"func\" has an empty value" },
        { "func: \"\"", 11, "\"func\" has an empty value" },
        { "func: {a: b}", 11, "a value is expected here" },
        { "func: [[BPRM_CHECK]]", 12, "a value is expected here" },
        { "func: =BPRM_CHECK", 11, "\"=BPRM_CHECK\" is not a hook" },
        { "mask: MAY_REED", 11, "\"MAY_REED\" is not a mask; the nearest known one is \"MAY_READ\"" },
        { "fsmagic: ext4", 14, "\"ext4\" is not a hexadecimal number" },
        { "fsname: ext 4", 13, "\"ext 4\" has a blank, which the kernel's language cannot write" },
        { "fsuuid: 5", 13, "\"5\" is not a UUID" },
        { "uid: -1", 10, "there is no user \"-1\" here" },
        { "uid: nobody-of-that-name", 10, "there is no user \"nobody-of-that-name\" here" },
        { "gid: \"> nobody-of-that-name\"", 10, "there is no group \"nobody-of-that-name\" here" },
        { "uid: \">=5\"", 10, "\"=5\"" },
        { "uid: \">\"", 10, "\"uid\" has an empty value" },
        { "uid: 0x5", 10, "\"0x5\" is not a decimal number" },
        { "uid: [1, 2]", 11, "\"uid\" takes one value" },
        { "pcr: 24", 10, "\"24\" is not a PCR (0 to 23)" },
        { "pcr: ten", 10, "\"ten\" is not a PCR" },
        { "template: ima-nq", 15, "\"ima-nq\" is not a template" },
        { "permit_directio: yes", 22, "\"permit_directio\" takes true or false" },
        { "path: a", 11, "\"a\" is not absolute" },
        { "path: [/a, b]", 16, "path: \"b\" is not absolute" },
        { "path: [/a, '/[b']", 16, "path: \"/[b\" has a \"[\" without \"]\"" },
        { "path: [/a, '']", 12, "\"path\" has an empty value" },
        { "imahost.path: /a", 5, "unknown key \"imahost.path\"" },
        { "mount: srv", 12, "\"srv\" is not an absolute path" },
        { "reason: \"two\\nlines\"", 13, "characters that cannot be shown" },
        { "label: a", 3, "\"label\" belongs to func=CRITICAL_DATA" },
        { "subj_type: a b", 16, "has a blank" },
    };

    /// <summary>1 MiB of what might take long, or much memory.</summary>
    public static TheoryData<string, string> Large => new()
    {
        { "nested lists", "version: 1\nrules: " + Repeat("[") },
        { "nested lists as keys", Repeat("[") },
        { "nested lists on lines", "version: 1\nrules:\n" + Repeat("- ") },
        { "nested mappings", "version: 1\nrules: [" + Repeat("{a: ") },
        { "nested mappings as keys", Repeat("? ") },
        { "nested values", "version: 1\nrules: [{action: " + Repeat("[") },
        { "a staircase", "version: 1\nrules:\n" + Staircase() },
        { "a plain scalar", "version: " + Repeat("1") },
        { "a plain scalar on lines", "version:\n" + Repeat(" 1\n") },
        { "a quoted scalar", "version: \"" + Repeat("\\n") },
        { "a single-quoted scalar", "version: '" + Repeat("''") },
        { "a folded scalar", "version: >\n" + Repeat(" 1\n\n") },
        { "a literal scalar", "version: |\n" + Repeat("\n") },
        { "a key", Repeat("k") + ": 1" },
        { "keys", Repeat("a: ") },
        { "tabs", Repeat("\t") },
        { "tabs after a key", "version:" + Repeat("\t") + "1" },
        { "blanks", "version:" + Repeat(" ") + "1" },
        { "line ends", Repeat("\n") },
        { "CR LF", Repeat("\r\n") + "version: 1" },
        { "comments", Repeat("#\n") },
        { "a comment", "#" + Repeat("x") },
        { "documents", Repeat("---\n") },
        { "anchors", "version: " + Repeat("&a ") },
        { "aliases", "version: 1\nrules: [" + Repeat("*a,") },
        { "tags", "version: " + Repeat("!a ") },
        { "directives", Repeat("%YAML 1.1\n") },
        { "a directive", "%TAG !" + Repeat("a") },
        { "values", "version: 1\nrules: [{action: measure, path: [" + Repeat("/a,") + "]}]" },
        { "an action", "version: 1\nrules: [{action: " + Repeat("m") + "}]" },
        { "a hook", "version: 1\nrules: [{action: measure, func: " + Repeat("F") + "}]" },
        { "a pattern", "version: 1\nrules: [{action: measure, path: \"/" + Repeat("*a") + "\"}]" },
        { "empty rules", "version: 1\nrules: [" + Repeat("{action: hash},") + "]" },
        { "rules", "version: 1\nrules:\n" + Repeat("- {action: measure, func: FILE_CHECK, uid: 5, path: /a/*}\n") },
        { "includes", "version: 1\ninclude: [" + Repeat("tcb,") + "]" },
        { "brackets", Repeat("[]") },
        { "commas", "version: 1\nrules: [" + Repeat(",") },
        { "question marks", "version: 1\n" + Repeat("?\n") },
        { "colons", "version: 1\nrules: " + Repeat(":") },
        { "replacement characters", Repeat("\ufffd") },
        { "NULs", Repeat("\0") },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Read_refuses_a_text_and_names_its_place_and_the_word(string text, string place, string word)
    {
        PolicyException refused = Assert.Throws<PolicyException>(() => YamlPolicyReader.Read(text, Source));
        Assert.StartsWith(Source + (place.Length == 0 || place[^1] != ':' ? place + ": " : place), refused.Message, StringComparison.Ordinal);
        Assert.Contains(word, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Theory]
    [MemberData(nameof(BadKeys))]
    public void Read_refuses_a_rule_and_names_its_place_and_the_word(string key, int column, string word)
    {
        string text = $"version: 1\nrules:\n# a comment\n- action: measure\n    \n".Replace("\n    \n", "\n  " + key, StringComparison.Ordinal);
        PolicyException refused = Assert.Throws<PolicyException>(() => YamlPolicyReader.Read(text, Source));
        int line = key.StartsWith("label", StringComparison.Ordinal) ? 4 : 5;
        Assert.StartsWith($"{Source}:{line}:{column - (line == 5 ? 2 : 0)}: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(word, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Large))]
    public void Read_takes_or_refuses_a_mebibyte_of_anything_in_time_and_memory(string what, string text)
    {
        Assert.True(text.Length >= Mebibyte, what);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        string outcome = Try(text);
        Assert.True(watch.Elapsed < LongEnough, $"{what}: {watch.Elapsed}");
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 1500L << 20, $"{what}: {allocated >> 20} MiB");
        Assert.True(outcome.Length < 1000, $"{what}: an error of {outcome.Length} letters");
    }

    [Fact]
    public void Read_is_not_fooled_by_a_billion_laughs()
    {
        var text = new StringBuilder("version: 1\nlol0: &lol0 [lol, lol, lol]\n");
        for (int i = 1; i < 30; i++)
        {
            _ = text.Append($"lol{i}: &lol{i} [*lol{i - 1}, *lol{i - 1}, *lol{i - 1}]\n");
        }

        Assert.Contains("unknown key \"lol0\"", Try(text.ToString()), StringComparison.Ordinal);
        string hidden = "version: 1\nrules:\n- &a {action: measure, func: BPRM_CHECK}\n- *a\n";
        Assert.Contains($"{Source}:3:3: anchors (&)", Try(hidden), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\r")]
    public void Read_takes_each_rule_with_its_origin_whatever_ends_the_lines(string newline)
    {
        string text = string.Join(
            newline, "%YAML 1.2", "---", "version: 1", "include: exec", "rules:", "  - action: measure # why", "    uid: 5", "",
            "  - {action: appraise, \"appraise_type\": 'imasig'}", "...", "");
        PolicyRules policy = YamlPolicyReader.Read(text, Source);
        Assert.Equal(["measure uid=5", "appraise appraise_type=imasig"], policy.Rules.Skip(4).Select(rule => rule.ToString()));
        Assert.Equal([$"{Source}:6", $"{Source}:9"], policy.Rules.Skip(4).Select(rule => rule.Origin));
    }

    [Fact]
    public void Read_takes_every_key_with_its_value_as_the_kernel_would()
    {
        string text =
            """
            version: 1
            rules:
              - action: appraise
                func: MODULE_CHECK
                mask: ^MAY_READ
                fsmagic: 0xEF53
                fsname: ext4
                fsuuid: 6c29bbb0-1111-2222-3333-444444444444
                uid: "> 999"
                gid: "<5"
                fowner: =0
                fgroup: 7
                appraise_type: imasig|modsig
                appraise_flag: check_blacklist
                appraise_algos: [sha256, sha512]
                permit_directio: true
                obj_type: bin_t
                path: [/usr/**, "/opt/a b"]
                exe: /bin/sh
                cgroup: /system.slice/*
                container: "*"
                mount: /srv
                reason: the site's "rule"
              - action: measure
                func: CRITICAL_DATA
                label: [a, b]
                pcr: 11
                template: ima-buf
              - action: measure
                permit_directio: false
                euid: 5
                egid: 6
                digest_type: verity
                subj_user: u
                subj_role: r
                subj_type: t
                obj_user: ou
                obj_role: or
              - action: appraise
                by: [package, ima-sig]
                rollout: 25%
                mode: log
              - action: dont_measure
                func: KEY_CHECK
                keyrings: .ima
            """;
        IReadOnlyList<ImaRule> rules = YamlPolicyReader.Read(text, Source).Rules;
        Assert.Equal(
            [
                "appraise func=MODULE_CHECK mask=^MAY_READ fsmagic=0xef53 fsname=ext4"
                    + " fsuuid=6c29bbb0-1111-2222-3333-444444444444 uid>999 gid<5 fowner=0 fgroup=7"
                    + " appraise_algos=sha256,sha512 obj_type=bin_t appraise_type=imasig|modsig"
                    + " appraise_flag=check_blacklist permit_directio imahost.path=/usr/**|/opt/a\\040b"
                    + " imahost.exe=/bin/sh imahost.cgroup=/system.slice/* imahost.container=* imahost.mount=/srv"
                    + " imahost.reason=the\\040site's\\040\"rule\"",
                "measure func=CRITICAL_DATA label=a|b pcr=11 template=ima-buf",
                "measure euid=5 egid=6 obj_user=ou obj_role=or subj_user=u subj_role=r subj_type=t digest_type=verity",
                "appraise imahost.rollout=25 imahost.by=ima-sig|package imahost.mode=log",
                "dont_measure func=KEY_CHECK keyrings=.ima",
            ],
            rules.Select(rule => rule.ToString()));
        Assert.Equal(
            RuleOptions.All.Select(option => option.Name).Order(StringComparer.Ordinal),
            rules.SelectMany(rule => rule.Words).Select(word => word.Option.Name).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Include_puts_rules_where_it_stands_and_they_name_their_policy()
    {
        const string Rules = "rules: [{action: audit}]\n";
        IReadOnlyList<ImaRule> before = YamlPolicyReader.Read($"version: 1\ninclude: critical_data\n{Rules}", Source).Rules;
        Assert.Equal(["measure func=CRITICAL_DATA", "audit"], before.Select(rule => rule.ToString()));
        Assert.Equal("built-in critical_data", before[0].Origin);
        IReadOnlyList<ImaRule> after = YamlPolicyReader.Read($"{Rules}include: [critical_data]\nversion: 1\n", Source).Rules;
        Assert.Equal(["audit", "measure func=CRITICAL_DATA"], after.Select(rule => rule.ToString()));
    }

    [Fact]
    public void Include_knows_fail_securely_although_it_has_no_rules()
    {
        Assert.True(YamlPolicyReader.Read("version: 1\ninclude: [exec, fail_securely]", Source).FailsSecurely);
        Assert.False(YamlPolicyReader.Read("version: 1\ninclude: [exec]", Source).FailsSecurely);
    }

    static string Try(string text)
    {
        try
        {
            return $"{YamlPolicyReader.Read(text, Source).Rules.Count} rules";
        }
        catch (PolicyException e)
        {
            return e.Message;
        }
    }

    static string Repeat(string one) => string.Concat(Enumerable.Repeat(one, (Mebibyte / one.Length) + 1));

    /// <summary>Lists in lists, each on a line of its own, as deep as fits.</summary>
    static string Staircase() => string.Concat(Enumerable.Range(0, 1448).Select(depth => $"{new string(' ', depth)}-\n"));
}
