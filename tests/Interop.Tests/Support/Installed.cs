namespace ImaHost.InteropTests.Support;

/// <summary>Copies of the product on a volume that it watches itself.</summary>
public static class Installed
{
    /// <returns>The program; it finds the guard beside it.</returns>
    public static string CopyTo(Volume volume)
    {
        string program = volume["imahost"];
        File.Copy(Bench.Program, program);
        File.Copy(Bench.Guard, volume["imahost-guard"]);
        return program;
    }

    /// <returns>A command that runs the copy with copies of the libraries it loads.</returns>
    public static string CopyWithLibrariesTo(Volume volume)
    {
        string program = CopyTo(volume);
        Directory.CreateDirectory(volume["lib"]);
        foreach (string library in (string[])["libcrypto.so.3", "libssl.so.3", "libc.so.6"])
        {
            File.Copy($"/lib/x86_64-linux-gnu/{library}", volume[$"lib/{library}"]);
        }

        return $"env LD_LIBRARY_PATH={volume["lib"]} {program}";
    }

    /// <summary>The host of tests/HazardHost with everything it loads, lazily, from the volume.</summary>
    public static string CopyHazardHostTo(Volume volume)
    {
        string built = Path.Combine(Bench.Build, "hazard");
        foreach (string file in Directory.GetFiles(built))
        {
            File.Copy(file, volume[Path.GetFileName(file)]);
        }

        File.Copy(Bench.Guard, volume["imahost-guard"]);
        Directory.CreateDirectory(volume["libraries"]);
        foreach (string library in (string[])["libz.so.1", "libdl.so.2", "libm.so.6", "librt.so.1"])
        {
            File.Copy($"/lib/x86_64-linux-gnu/{library}", Path.Combine(volume["libraries"], library));
        }

        return volume["HazardHost"];
    }
}
