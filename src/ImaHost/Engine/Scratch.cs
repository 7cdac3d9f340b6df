using ImaHost.Template;

namespace ImaHost.Engine;

/// <summary>The buffers of one worker: warm, they make an access cost no allocation.</summary>
sealed class Scratch : IDisposable
{
    public FileMeasurement File { get; } = new();

    public ByteBuilder Data { get; } = new();

    public void Dispose() => File.Dispose();
}
