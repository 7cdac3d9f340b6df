using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Abi;

/// <summary>native/imahost_abi.h and src/Interop/GuardAbi.cs say the same.</summary>
public sealed partial class GuardAbiTests
{
    static readonly Dictionary<string, Type> Structs = new()
    {
        ["ima_job"] = typeof(GuardJob),
        ["ima_verdict"] = typeof(VerdictMessage),
        ["ima_ready"] = typeof(ReadyMessage),
        ["ima_watch"] = typeof(WatchMessage),
        ["ima_order"] = typeof(OrderMessage),
        ["ima_denial"] = typeof(DenialMessage),
        ["ima_counters"] = typeof(GuardCounters),
        ["ima_shared"] = typeof(SharedHeader),
    };

    /// <summary>Fields whose C# name is another one than theirs in Pascal case.</summary>
    static readonly Dictionary<(string Struct, string Field), string> Renamed = new()
    {
        [("ima_job", "flags")] = nameof(GuardJob.Facts),
        [("ima_job", "reserved")] = "_reserved",
    };

    static readonly Dictionary<string, Type> Enums = new()
    {
        ["IMA_MSG_"] = typeof(GuardMessage),
        ["IMA_ACCESS_"] = typeof(GuardAccess),
        ["IMA_JOB_"] = typeof(GuardJobFacts),
        ["IMA_(?=ALLOW|DENY|BUSY)"] = typeof(GuardDecision),
    };

    static readonly Dictionary<string, object> Constants = new()
    {
        ["IMA_ABI_VERSION"] = GuardAbi.Version,
        ["IMA_GUARD_ENV"] = GuardAbi.Environment,
        ["IMA_FD_SOCKET"] = GuardAbi.SocketFd,
        ["IMA_FD_SHARED"] = GuardAbi.SharedFd,
        ["IMA_FD_FUSE"] = GuardAbi.FuseFd,
        ["IMA_HOLD_BUCKETS"] = GuardAbi.HoldBuckets,
        ["IMA_CROWD"] = GuardAbi.Crowd,
        ["IMA_FUSE_MAX_WRITE"] = GuardAbi.FuseMaxWrite,
        ["IMA_FUSE_REQUEST"] = GuardAbi.FuseRequestSize,
        ["IMA_POLICY_MAX"] = GuardAbi.PolicyMax,
    };

    /// <summary>Not constants in C# but what GuardSocket sends: <see cref="GuardSocketTests"/>.</summary>
    static readonly string[] Sent = ["IMA_VERDICT_CACHE", "IMA_VERDICT_CODE", "IMA_READY_JUDGE_DATA"];

    static readonly string Header = File.ReadAllText(Repository.Locate("native", "imahost_abi.h"));

    public static TheoryData<string> StructNames => [.. Structs.Keys];

    public static TheoryData<string> ConstantNames => [.. AbiLayout.Native.Constants.Keys];

    [Theory]
    [MemberData(nameof(StructNames))]
    public void Fields_stand_at_the_same_offsets(string name)
    {
        Type type = Structs[name];
        var expected = AbiLayout.Native.Fields.Where(field => field.Key.Struct == name && !IsBuffer(field.Key.Field)).ToList();
        Assert.NotEmpty(expected);
        foreach (((_, string field), (int offset, int size)) in expected)
        {
            FieldInfo? mirror = type.GetField(
                MirrorOf(name, field), BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
            Assert.True(mirror != null, $"{type.Name} has no field for {name}.{field}");
            Assert.Equal((field, offset), (field, (int)Marshal.OffsetOf(type, mirror.Name)));
            Assert.Equal((field, size), (field, SizeOf(mirror.FieldType)));
        }

        int fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length;
        Assert.Equal(expected.Count, fields);
    }

    [Theory]
    [MemberData(nameof(StructNames))]
    public void Structs_are_of_the_same_size(string name) => Assert.Equal(
        AbiLayout.Native.Structs[name], name == "ima_shared" ? SharedState.TotalSize : SizeOf(Structs[name]));

    [Fact]
    public void Buffers_in_the_shared_memory_stand_at_the_same_offsets()
    {
        Assert.Equal(
            (SharedState.FuseRequestOffset, GuardAbi.FuseRequestSize), AbiLayout.Native.Fields[("ima_shared", "fuse_request")]);
        Assert.Equal(
            (SharedState.PolicyTextOffset, GuardAbi.PolicyMax), AbiLayout.Native.Fields[("ima_shared", "policy_text")]);
    }

    [Theory]
    [MemberData(nameof(ConstantNames))]
    public void Constants_have_the_same_values(string name)
    {
        if (!Sent.Contains(name))
        {
            Assert.Equal(
                AbiLayout.Native.Constants[name], Convert.ToString(FindConstant(name), CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void Enums_have_no_members_but_those_of_the_header_and_zero()
    {
        foreach ((string prefix, Type type) in Enums)
        {
            int inHeader = AbiLayout.Native.Constants.Keys.Count(name => Regex.IsMatch(name, $"^{prefix}"));
            int beyondZero = Enum.GetValuesAsUnderlyingType(type).Cast<uint>().Count(value => value != 0);
            Assert.Equal((type.Name, inHeader), (type.Name, beyondZero));
        }
    }

    [Fact]
    public void Layout_program_prints_all_that_the_header_defines()
    {
        string[] constants = [.. Definition().Matches(Header).Select(match => match.Groups[1].Value)];
        Assert.True(constants.Length > 25);
        Assert.Equal(constants.Order(), AbiLayout.Native.Constants.Keys.Order());
        var fields = Struct().Matches(Header).SelectMany(match => Field().Matches(match.Groups[2].Value)
            .Select(field => (match.Groups[1].Value, field.Groups[1].Value))).ToList();
        Assert.True(fields.Count > 35);
        Assert.Equal(fields.Order(), AbiLayout.Native.Fields.Keys.Order());
        Assert.Equal(fields.Select(field => field.Item1).Distinct().Order(), AbiLayout.Native.Structs.Keys.Order());
        Assert.Equal(Structs.Keys.Order(), AbiLayout.Native.Structs.Keys.Order());
    }

    static bool IsBuffer(string field) => field is "fuse_request" or "policy_text";

    static string MirrorOf(string name, string field) => Renamed.GetValueOrDefault((name, field), Pascal(field));

    static string Pascal(string words) => string.Concat(
        words.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..].ToLowerInvariant()));

    static object? FindConstant(string name)
    {
        if (Constants.TryGetValue(name, out object? constant))
        {
            return constant;
        }

        (string prefix, Type type) = Enums.First(pair => Regex.IsMatch(name, $"^{pair.Key}"));
        string member = Pascal(Regex.Replace(name, $"^{prefix}", ""));
        return Convert.ToUInt32(Enum.Parse(type, member), CultureInfo.InvariantCulture);
    }

    static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    [GeneratedRegex(@"^(?:#define |\t)(IMA_\w+)(?= (?:= )?[^\s])", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex(@"^struct (\w+) \{\n(.*?)^\};", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Struct();

    [GeneratedRegex(@"^\t(?:struct )?\w+ (\w+)(?:\[\w+\])?(?: __attribute__.*)?;", RegexOptions.Multiline)]
    private static partial Regex Field();
}
