namespace ImaHost.Tests.Support;

/// <summary>The source tree that these tests were built from.</summary>
static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    public static string Locate(params string[] parts) => Path.Combine([Root, .. parts]);

    static string Find(string from)
    {
        for (DirectoryInfo? place = new(from); place != null; place = place.Parent)
        {
            if (File.Exists(Path.Combine(place.FullName, "Makefile")) && Directory.Exists(Path.Combine(place.FullName, "src")))
            {
                return place.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no source tree above {from}: run the tests from a build within it");
    }
}
