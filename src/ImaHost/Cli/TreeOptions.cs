using System.CommandLine;

namespace ImaHost.Cli;

/// <summary>What commands about whole trees have in common.</summary>
static class TreeOptions
{
    const int MostJobs = 256;

    /// <summary>--jobs.</summary>
    public static Option<int> CreateJobs()
    {
        var option = new Option<int>("--jobs")
        {
            Description = "how many files are read at once (one for each processor)",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() is < 1 or > MostJobs)
            {
                result.AddError($"--jobs takes 1 to {MostJobs}");
            }
        });
        return option;
    }
}
