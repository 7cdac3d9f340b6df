using System.Runtime.InteropServices;
using ImaHost.Interop;

namespace ImaHost.Measurement;

/// <summary>Kernel memory cannot be found or read; the message names the file and the cause.</summary>
sealed class KernelMemoryException(string message) : IOException(message);

/// <summary>
/// The kernel's memory as /proc/kcore gives it: an ELF core (elf(5)) whose PT_LOAD segments are the mapped ranges.
/// </summary>
/// <remarks>
/// By fs/proc/kcore.c the kernel gives zeros for what is not mapped or cannot be read, so zeros do not prove that the
/// memory holds zeros. And memory that is plugged in or out moves all segments within the file: open it anew for each
/// round of reads.
/// </remarks>
sealed class KernelMemory : IDisposable
{
    public const string DefaultPath = "/proc/kcore";

    /// <summary>The longest read, in bytes.</summary>
    public const int MaxLength = 1 << 20;

    const int HeaderSize = 64; // Elf64_Ehdr
    const int EntrySize = 56; // Elf64_Phdr
    const int MaxEntries = 4096; // a kernel has one for each range of RAM and a few more: tens, not thousands
    const int Class64 = 2; // ELFCLASS64 in e_ident[EI_CLASS]
    const int LittleEndian = 1; // ELFDATA2LSB in e_ident[EI_DATA]
    const int BigEndian = 2; // ELFDATA2MSB
    const int Core = 4; // ET_CORE
    const int Load = 1; // PT_LOAD

    readonly string _path;
    readonly HeldFile _file;
    readonly Segment[] _segments;

    /// <exception cref="KernelMemoryException">
    /// The file cannot be opened, or is not a 64-bit ELF core of this machine's byte order.
    /// </exception>
    public KernelMemory(string path = DefaultPath)
    {
        _path = path;
        _file = Open(path);
        try
        {
            _segments = ReadSegments();
        }
        catch (KernelMemoryException)
        {
            _file.Dispose();
            throw;
        }
    }

    /// <param name="address">Virtual address of the first byte.</param>
    /// <param name="length">Bytes, 1 to <see cref="MaxLength"/>.</param>
    /// <returns>All of them; never fewer.</returns>
    /// <exception cref="KernelMemoryException">
    /// The range is not within one segment of the file, or reading failed or ended early.
    /// </exception>
    public byte[] Read(ulong address, int length)
    {
        var range = new KernelRange(address, length);
        range.ThrowIfInvalid();
        Segment segment = _segments.FirstOrDefault(segment => segment.Holds(range)) ?? throw Outside(range);
        byte[] bytes = new byte[length];
        ReadFully(bytes, segment.Offset + (long)(address - segment.First), $"{range}");
        return bytes;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Why open(2) failed, by the conditions of open_kcore in fs/proc/kcore.c.</summary>
    internal static string WhyNotOpen(string path, int errno)
    {
        const int notPermitted = 1; // EPERM
        const int noEntry = 2; // ENOENT
        const int noAccess = 13; // EACCES
        string error = ErrnoException.Describe(errno);
        return errno switch
        {
            notPermitted => $"the kernel forbids reading {path}: {error}; it is locked down to confidentiality "
                + "(/sys/kernel/security/lockdown), or this process lacks CAP_SYS_RAWIO",
            noEntry => $"the kernel offers no {path}: {error}; it needs CONFIG_PROC_KCORE and a mounted /proc",
            noAccess => $"the kernel forbids reading {path}: {error}; only root may open it, and a security module "
                + "may forbid even that",
            _ => $"open {path}: {error}",
        };
    }

    static HeldFile Open(string path)
    {
        try
        {
            return HeldFile.Open(path);
        }
        catch (ErrnoException e)
        {
            throw new KernelMemoryException(WhyNotOpen(path, e.Errno));
        }
    }

    Segment[] ReadSegments()
    {
        byte[] header = new byte[HeaderSize];
        ReadFully(header, 0, "its ELF header");
        if (HeaderFault(header) is { } fault)
        {
            throw new KernelMemoryException($"{_path}: {fault}");
        }

        var offset = Field<ulong>(header, 32); // e_phoff
        byte[] table = new byte[Field<ushort>(header, 56) * EntrySize]; // e_phnum
        if (offset > (ulong)(long.MaxValue - table.Length))
        {
            throw new KernelMemoryException($"{_path}: its program headers are at 0x{offset:x}, where no file reaches");
        }

        ReadFully(table, (long)offset, "its program headers");
        Segment[] segments = [.. SegmentsOf(table)];
        return segments.Length > 0
            ? segments
            : throw new KernelMemoryException($"{_path}: it holds no memory (PT_LOAD)");
    }

    static string? HeaderFault(ReadOnlySpan<byte> header)
    {
        if (!header.StartsWith("\u007fELF"u8))
        {
            return "it is not an ELF file";
        }

        if (header[4] != Class64)
        {
            return $"its ELF class is {header[4]}, not {Class64} (64-bit)";
        }

        int order = BitConverter.IsLittleEndian ? LittleEndian : BigEndian;
        if (header[5] != order)
        {
            return $"its byte order is {header[5]}, this machine's is {order} (1: little-endian, 2: big-endian)";
        }

        var type = Field<ushort>(header, 16);
        if (type != Core)
        {
            return $"its ELF type is {type}, not {Core} (a core)";
        }

        var size = Field<ushort>(header, 54); // e_phentsize
        if (size != EntrySize)
        {
            return $"its program headers are {size} bytes each, not {EntrySize}";
        }

        var count = Field<ushort>(header, 56); // e_phnum
        return count is > 0 and <= MaxEntries ? null : $"it has {count} program headers, not 1 to {MaxEntries}";
    }

    IEnumerable<Segment> SegmentsOf(byte[] table)
    {
        for (int at = 0; at < table.Length; at += EntrySize)
        {
            ReadOnlySpan<byte> entry = table.AsSpan(at, EntrySize);
            if (Field<uint>(entry, 0) == Load && SegmentOf(entry, at / EntrySize) is { } segment)
            {
                yield return segment;
            }
        }
    }

    /// <returns>Null when the file holds none of its bytes.</returns>
    Segment? SegmentOf(ReadOnlySpan<byte> entry, int number)
    {
        var offset = Field<ulong>(entry, 8); // p_offset
        var address = Field<ulong>(entry, 16); // p_vaddr
        var inFile = Field<ulong>(entry, 32); // p_filesz
        var inMemory = Field<ulong>(entry, 40); // p_memsz
        string? fault = null;
        if (inFile > inMemory)
        {
            fault = $"has p_filesz 0x{inFile:x} above p_memsz 0x{inMemory:x}";
        }
        else if (inMemory > 0 && inMemory - 1 > ulong.MaxValue - address)
        {
            fault = $"of 0x{inMemory:x} bytes at 0x{address:x} goes beyond 2^64";
        }
        else if (offset > long.MaxValue || inFile > long.MaxValue - offset)
        {
            fault = $"has 0x{inFile:x} bytes at offset 0x{offset:x}, where no file reaches";
        }

        if (fault != null)
        {
            throw new KernelMemoryException($"{_path}: program header {number} {fault}");
        }

        return inFile == 0 ? null : new Segment(address, address + inFile - 1, (long)offset);
    }

    void ReadFully(Span<byte> buffer, long offset, string what)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            int got = _file.ReadAt(buffer[done..], offset + done);
            if (got < 0)
            {
                throw new KernelMemoryException(
                    $"{_path}: cannot read {what} at offset 0x{offset + done:x}: {ErrnoException.Describe(-got)}");
            }

            if (got == 0)
            {
                throw new KernelMemoryException(offset + done == 0
                    ? $"{_path}: it is empty; containers put /dev/null in the place of kcore"
                    : $"{_path}: it ends at offset 0x{offset + done:x} with {done} of {buffer.Length} bytes of {what}");
            }

            done += got;
        }
    }

    KernelMemoryException Outside(KernelRange range)
    {
        Segment? below = _segments.Where(segment => segment.First <= range.Address).MaxBy(segment => segment.Last);
        Segment? above = _segments.Where(segment => segment.First > range.Address).MinBy(segment => segment.First);
        return new KernelMemoryException(
            $"{_path}: {range} is not within one segment; nearest below: {NameOf(below)}, above: {NameOf(above)}");
    }

    static string NameOf(Segment? segment) =>
        segment == null ? "none" : KernelRange.Name(segment.First, segment.Last);

    static T Field<T>(ReadOnlySpan<byte> header, int at)
        where T : unmanaged => MemoryMarshal.Read<T>(header[at..]);

    /// <summary>What the file holds of a PT_LOAD segment: p_filesz bytes, which may be fewer than p_memsz.</summary>
    /// <param name="Last">Address of the last byte, as the end may be 2^64.</param>
    /// <param name="Offset">Of the first byte in the file.</param>
    sealed record Segment(ulong First, ulong Last, long Offset)
    {
        public bool Holds(KernelRange range) => First <= range.Address && range.Last <= Last;
    }
}
