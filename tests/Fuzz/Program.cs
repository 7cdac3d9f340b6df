using ImaHost.Fuzz;
using SharpFuzz;

// Serves libFuzzer, which tests/native/fuzz_driver.c holds, with one of the targets; or prepares for that.
return args switch
{
    ["binary"] => Serve(BinaryTarget.Run),
    ["ascii"] => Serve(AsciiTarget.Run),
    ["xattr"] => Serve(XattrTarget.Run),
    ["kernel"] => Serve(PolicyTargets.RunKernel, mostAllocated: 128 << 20),
    ["yaml"] => Serve(PolicyTargets.RunYaml, mostAllocated: 128 << 20),
    ["sums"] => Serve(ReferenceTargets.RunSums),
    ["list"] => Serve(ReferenceTargets.RunYaml, mostAllocated: 128 << 20),
    ["keylime"] => Serve(ReferenceTargets.RunKeylime),
    ["quote"] => Serve(QuoteTarget.Run),
    ["seeds", string vectors, string into] => WriteSeeds(vectors, into),
    ["instrument", string assembly] => Instrument(assembly),
    _ => Usage(),
};

// mostAllocated: what a reader may take for an input of the driver's 16 KiB. Its buffers, a few times over; or each of
// three thousand rules, three times.
static int Serve(ReadOnlySpanAction target, long mostAllocated = 16 << 20)
{
    Fuzzer.LibFuzzer.Run(input =>
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        target(input);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Property.Holds(allocated <= mostAllocated, $"{allocated} bytes of memory for an input of {input.Length}");
    });
    return 0;
}

static int WriteSeeds(string vectors, string into)
{
    Seeds.Write(vectors, into);
    return 0;
}

static int Instrument(string assembly)
{
    string[] parsers =
    [
        "ImaHost.Template.", "ImaHost.MeasurementList.", "ImaHost.Crypto.", "ImaHost.Policy.", "ImaHost.Tpm.",
        "ImaHost.Appraisal.", "YamlDotNet.Core.",
    ];
    _ = Fuzzer.Instrument(assembly, type => parsers.Any(type.StartsWith), Options.Value);
    return 0;
}

static int Usage()
{
    Console.Error.WriteLine("usage: Fuzz binary|ascii|xattr|kernel|yaml|sums|list|keylime|quote (under build/fuzz/driver)");
    Console.Error.WriteLine("       Fuzz seeds VECTORS DIRECTORY");
    Console.Error.WriteLine("       Fuzz instrument ASSEMBLY");
    return 2;
}
