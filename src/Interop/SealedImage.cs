using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>Bytes in memory that nobody can change any more (memfd_create(2)), to be executed or read from there.</summary>
public sealed unsafe class SealedImage : IDisposable
{
    /// <summary>MFD_CLOEXEC, MFD_ALLOW_SEALING of memfd_create(2).</summary>
    const uint CloseOnExec = 1;
    const uint AllowSealing = 2;

    /// <summary>F_ADD_SEALS of fcntl(2): against more seals, shrinking, growing and writing.</summary>
    const int AddSeals = 1033;
    const int Seals = 0xf;

    SealedImage(int descriptor) => Descriptor = descriptor;

    internal int Descriptor { get; private set; }

    /// <summary>Takes a copy.</summary>
    /// <exception cref="ErrnoException">There is no memory for it.</exception>
    public static SealedImage Of(ReadOnlySpan<byte> program)
    {
        int descriptor;
        fixed (byte* name = "imahost-guard\0"u8)
        {
            descriptor = Libc.memfd_create(name, CloseOnExec | AllowSealing);
        }

        ErrnoException.ThrowIfNegative(descriptor, "make a file in memory");
        var image = new SealedImage(descriptor);
        try
        {
            image.Fill(program);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>Closes it. Whoever has it by now keeps it.</summary>
    public void Dispose()
    {
        if (Descriptor >= 0)
        {
            _ = Libc.close(Descriptor);
            Descriptor = -1;
        }
    }

    void Fill(ReadOnlySpan<byte> program)
    {
        fixed (byte* start = program)
        {
            for (int done = 0; done < program.Length;)
            {
                nint put = Libc.pwrite(Descriptor, start + done, (nuint)(program.Length - done), done);
                ErrnoException.ThrowIfNegative(put, "write a file in memory");
                done += (int)put;
            }
        }

        ErrnoException.ThrowIfNegative(
            Libc.fcntl(Descriptor, AddSeals, Seals), "seal a file in memory");
    }
}
