using ImaHost.Measurement;
using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>The buffers of one worker: warm, they make an access cost no allocation.</summary>
/// <param name="hashes">What the workers hash at this time; null: it is no worker's.</param>
sealed class Scratch(HashesUnderWay? hashes = null) : IDisposable
{
    public FileMeasurement File { get; } = new(hashes);

    public ByteBuilder Data { get; } = new();

    /// <summary>How long its worker took; null until it judges something.</summary>
    public StageTimes? Times { get; set; }

    public void Dispose() => File.Dispose();
}
