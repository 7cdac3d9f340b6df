using System.Runtime.InteropServices;

namespace ImaHost.Tests.Support;

/// <summary>A PT_LOAD program header of a core.</summary>
readonly record struct CoreSegment(ulong Address, ulong Offset, ulong InFile, ulong InMemory);

/// <summary>Writes 64-bit ELF cores of this machine's byte order, as /proc/kcore is one.</summary>
static class CoreFile
{
    public const int HeaderSize = 64;
    const int EntrySize = 56;

    /// <param name="length">Of the file, at least its headers. What follows them differs from byte to byte.</param>
    public static byte[] Build(CoreSegment[] segments, int length)
    {
        byte[] file = new byte[length];
        int headers = HeaderSize + (segments.Length * EntrySize);
        for (int at = headers; at < length; at++)
        {
            file[at] = (byte)((at * 7) + (at >> 8));
        }

        byte order = (byte)(BitConverter.IsLittleEndian ? 1 : 2);
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, order, 1 }.CopyTo(file, 0);
        Put(file, 16, (ushort)4); // ET_CORE
        Put(file, 32, (ulong)HeaderSize);
        Put(file, 54, (ushort)EntrySize);
        Put(file, 56, (ushort)segments.Length);
        for (int i = 0; i < segments.Length; i++)
        {
            int at = HeaderSize + (i * EntrySize);
            Put(file, at, 1); // PT_LOAD
            Put(file, at + 8, segments[i].Offset);
            Put(file, at + 16, segments[i].Address);
            Put(file, at + 32, segments[i].InFile);
            Put(file, at + 40, segments[i].InMemory);
        }

        return file;
    }

    public static void Put<T>(byte[] file, int at, T value)
        where T : unmanaged => MemoryMarshal.Write(file.AsSpan(at), value);
}
