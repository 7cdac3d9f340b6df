namespace ImaHost.Tests.Support;

/// <summary>Threads for what starts them by a function.</summary>
static class Threads
{
    public static Thread Start(string name, Action run)
    {
        var thread = new Thread(() => run()) { Name = name, IsBackground = true };
        thread.Start();
        return thread;
    }
}
