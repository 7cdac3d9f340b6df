using System.Buffers.Binary;
using ImaHost.Interop;

namespace ImaHost.Measurement;

/// <summary>The start of an ELF file (elf(5)).</summary>
static class ElfHeader
{
    /// <summary>Bytes that <see cref="MayBeMapped(ReadOnlySpan{byte})"/> looks at: e_ident and e_type.</summary>
    public const int Size = 18;

    const int BigEndian = 2; // ELFDATA2MSB in e_ident[EI_DATA]
    const int Relocatable = 1; // ET_REL
    const int Core = 4; // ET_CORE

    /// <summary>The same of an open file, whose start is read. One that cannot be read is none.</summary>
    public static bool MayBeMapped(HeldFile file)
    {
        Span<byte> start = stackalloc byte[Size];
        return MayBeMapped(start[..Math.Max(file.ReadAt(start, 0), 0)]);
    }

    /// <summary>
    /// May the file be mapped to execute? Anything that begins as ELF does, but objects that are still to be linked,
    /// and core dumps: those are read by compilers and debuggers, not run.
    /// </summary>
    /// <param name="start">Up to <see cref="Size"/> bytes.</param>
    public static bool MayBeMapped(ReadOnlySpan<byte> start)
    {
        if (!start.StartsWith("\u007fELF"u8))
        {
            return false;
        }

        if (start.Length < Size)
        {
            return true;
        }

        int type = start[5] == BigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(start[16..])
            : BinaryPrimitives.ReadUInt16LittleEndian(start[16..]);
        return type is not (Relocatable or Core);
    }
}
