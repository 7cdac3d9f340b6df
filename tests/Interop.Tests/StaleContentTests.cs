using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// A file whose verdict the kernel holds is changed in every way there is: what it holds then is measured before it is
/// used again.
/// </summary>
public sealed class StaleContentTests(KeptBench bench) : IClassFixture<KeptBench>
{
    static readonly (string Kind, string[] Ways)[] OnDisk =
    [
        ("ext4",
        [
            "write", "truncate and write", "ftruncate and write", "O_TRUNC", "cp", "rename", "exchange",
            "unlink and recreate", "hard link", "O_DIRECT", "copy_file_range", "sendfile", "splice", "AIO", "mapping",
            "mapping that ends with its process", "append", "truncate", "ftruncate", "ftruncate to more",
            "byte with size and times restored", "byte through a mapping with size and times restored", "punched hole",
            "zeroed range", "collapsed range", "inserted range",
        ]),
        ("xfs", ["reflink", "swapext", "O_DIRECT", "copy_file_range", "mapping", "collapsed range"]),
    ];

    static readonly (string Kind, string[] Ways) InMemory =
        ("tmpfs", ["write", "rename", "splice", "mapping", "byte through a mapping with size and times restored", "punched hole"]);

    /// <summary>All of them on one filesystem, and on others what may differ there. On a tmpfs data are not measured.</summary>
    public static TheoryData<string, string> FileChanges => List(OnDisk);

    public static TheoryData<string, string> ProgramChanges => List([.. OnDisk, InMemory]);

    [Theory]
    [MemberData(nameof(ProgramChanges))]
    public void Program_is_measured_anew_when_it_was_changed_by(string kind, string way)
    {
        KeptFile program = bench.KeepProgram(kind);
        string before = program.Digest;

        FileChange.Make(way, program.Path, bench.AddProgram(kind));

        program.ExpectMeasuredAnew(before);
    }

    [Theory]
    [MemberData(nameof(FileChanges))]
    public void File_that_root_reads_is_measured_anew_when_it_was_changed_by(string kind, string way)
    {
        KeptFile file = bench.KeepData(kind);
        string before = file.Digest;

        FileChange.Make(way, file.Path, bench.AddData(kind));

        file.ExpectMeasuredAnew(before);
    }

    static TheoryData<string, string> List((string Kind, string[] Ways)[] places)
    {
        var list = new TheoryData<string, string>();
        foreach ((string kind, string[] ways) in places)
        {
            foreach (string way in ways)
            {
                list.Add(kind, way);
            }
        }

        return list;
    }
}
