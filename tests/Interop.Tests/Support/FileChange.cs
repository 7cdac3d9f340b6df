namespace ImaHost.InteropTests.Support;

/// <summary>The ways to change what a file holds.</summary>
public static class FileChange
{
    const string Open = "d = os.open(f, os.O_WRONLY)\n";
    const string OpenBoth = "s = os.open(p, os.O_RDONLY)\n" + Open;

    /// <summary>
    /// What each of them begins with: the file f, which is to become what p holds, or at least another. f holds n bytes
    /// and p as many, of whole pages.
    /// </summary>
    const string Prologue =
        "import ctypes, fcntl, mmap, os, shutil, sys\np, f = sys.argv[1:]\nb = open(p, 'rb').read(); n = os.stat(f).st_size\n"
        + "libc = ctypes.CDLL(None, use_errno=True); libc.mmap.restype = ctypes.c_void_p\n"
        + "def map(): d = os.open(f, os.O_RDWR); a = libc.mmap(None, ctypes.c_long(len(b)), 3, 1, d, ctypes.c_long(0)); "
        + "os.close(d); return ctypes.c_void_p(a)\n"
        + "def must(rc): assert rc == 0, os.strerror(ctypes.get_errno())\n"
        + "def fallocate(mode, at, size): d = os.open(f, os.O_WRONLY); "
        + "must(libc.fallocate(d, mode, ctypes.c_long(at), ctypes.c_long(size)))\n";

    static readonly Dictionary<string, string> Ways = new()
    {
        // Afterwards the file is as the other one.
        ["write"] = Open + "os.write(d, b)",
        ["truncate and write"] = "os.truncate(f, 0)\n" + Open + "os.write(d, b)",
        ["ftruncate and write"] = Open + "os.ftruncate(d, 0); os.write(d, b)",
        ["O_TRUNC"] = "d = os.open(f, os.O_WRONLY | os.O_TRUNC); os.write(d, b)",
        ["cp"] = "must(os.system(f'cp {p} {f}'))",
        ["rename"] = "shutil.copy(p, f + '.new'); os.rename(f + '.new', f)",
        ["exchange"] = "shutil.copy(p, f + '.new'); "
            + "must(libc.renameat2(-100, os.fsencode(f + '.new'), -100, os.fsencode(f), 2))",
        ["unlink and recreate"] = "os.unlink(f); shutil.copy(p, f)",
        ["hard link"] = "os.link(f, f + '.link'); f += '.link'\n" + Open + "os.write(d, b)",
        ["O_DIRECT"] = "m = mmap.mmap(-1, len(b)); m.write(b); d = os.open(f, os.O_WRONLY | os.O_DIRECT); os.write(d, m)",
        ["copy_file_range"] = OpenBoth + "n = len(b)\nwhile n: n -= os.copy_file_range(s, d, n)",
        ["sendfile"] = OpenBoth + "n = len(b)\nwhile n: n -= os.sendfile(d, s, None, n)",
        ["splice"] = OpenBoth + "r, w = os.pipe(); n = len(b)\nwhile n: n -= os.splice(r, d, os.splice(s, w, min(n, 65536)))",
        ["reflink"] = OpenBoth + "fcntl.ioctl(d, 0x40049409, s)",
        ["swapext"] = "must(os.system(f'xfs_io -c \"swapext {p}\" {f}'))",
        ["linker"] = "must(os.system(f'echo \"int main(void) {{ return 0; }}\" | cc -x c - -o {f}'))",
        ["AIO"] = Open + "c = ctypes.c_ulong(0); must(libc.syscall(206, 1, ctypes.byref(c)))\n"
            + "i = (ctypes.c_uint64 * 8)(*[0] * 8)\n"
            + "m = ctypes.create_string_buffer(b, len(b)); i[2] = 1 | d << 32; i[3] = ctypes.addressof(m); i[4] = len(b)\n"
            + "q = (ctypes.c_void_p * 1)(ctypes.addressof(i)); e = (ctypes.c_uint64 * 4)()\n"
            + "assert libc.syscall(209, c, ctypes.c_long(1), q) == 1 and libc.syscall(208, c, ctypes.c_long(1), ctypes.c_long(1), e, None) == 1",
        ["mapping"] = "a = map(); ctypes.memmove(a, b, len(b)); must(libc.munmap(a, ctypes.c_long(len(b))))",
        ["mapping that ends with its process"] = "a = map(); ctypes.memmove(a, b, len(b)); os._exit(0)",

        // Afterwards it differs from what it was by its end.
        ["append"] = "d = os.open(f, os.O_WRONLY | os.O_APPEND); os.write(d, b'more')",
        ["truncate"] = "os.truncate(f, n - 4096)",
        ["ftruncate"] = Open + "os.ftruncate(d, n - 4096)",
        ["ftruncate to more"] = Open + "os.ftruncate(d, n + 4096)",
        ["byte with size and times restored"] =
            "s = os.stat(f)\n" + Open + "os.pwrite(d, b'!', n - 1); os.close(d); os.utime(f, ns=(s.st_atime_ns, s.st_mtime_ns))\n"
            + "t = os.stat(f); assert (s.st_size, s.st_mtime_ns) == (t.st_size, t.st_mtime_ns)",
        ["byte through a mapping with size and times restored"] =
            "s = os.stat(f); a = map(); ctypes.memset(a.value + n - 1, 33, 1); must(libc.munmap(a, ctypes.c_long(len(b))))\n"
            + "os.utime(f, ns=(s.st_atime_ns, s.st_mtime_ns)); t = os.stat(f); assert (s.st_size, s.st_mtime_ns) == (t.st_size, t.st_mtime_ns)",
        ["punched hole"] = "fallocate(3, n - 4096, 4096)",
        ["zeroed range"] = "fallocate(16, n - 4096, 4096)",
        ["collapsed range"] = "fallocate(8, n - 8192, 4096)",
        ["inserted range"] = "fallocate(32, n - 4096, 4096)",

        // What an object to be linked has over a program: its type. Without one it counts as a program.
        ["type in a punched hole"] = "fallocate(3, 16, 2)",
        ["type in a zeroed range"] = "fallocate(16, 16, 2)",

        // The start that was no program's is taken out.
        ["collapsed start"] = "fallocate(8, 0, 4096)",
    };

    /// <param name="file">What is changed.</param>
    /// <param name="other">What it is to become, in those ways that replace the whole of it.</param>
    /// <param name="then">More Python, which knows the file as f.</param>
    public static void Make(string way, string file, string other, string then = "") =>
        Shell.Must("/usr/bin/python3", "-c", $"{Prologue}{Ways[way]}\n{then}", other, file);
}
