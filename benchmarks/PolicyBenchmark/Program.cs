using System.Globalization;
using ImaHost.Benchmarks;

// What one decision by a thousand rules takes, and that it allocates nothing. Fails if it allocates, or if the realistic
// policy takes far longer than it should: five times, as machines and what else they do differ.
const double mostNanoseconds = 5 * 2000;
int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 15;
bool sound = true;
Console.WriteLine($"{rounds} rounds: median (lowest to highest), ns");
Console.WriteLine($"{"1,000 rules",-34}{"one Match",26}{"one Ask",26}{"bytes",7}");
foreach (Scenario scenario in Scenarios.All())
{
    Timing match = Timing.Of(scenario.Match, rounds);
    Timing ask = Timing.Of(scenario.Ask, rounds);
    long bytes = match.Bytes + ask.Bytes;
    sound &= bytes == 0 && (!scenario.IsRealistic || Math.Max(match.Median, ask.Median) <= mostNanoseconds);
    Console.WriteLine($"{scenario.Name,-34}{match,26}{ask,26}{bytes,7}");
}

return sound ? 0 : 1;
