using System.Globalization;
using System.Text;
using ImaHost.Interop;

namespace ImaHost.Policy;

/// <summary>A file of rules.</summary>
/// <param name="Content">The bytes that were parsed and verified, whatever the file holds by now.</param>
/// <param name="IsSigned">A configured key has signed them.</param>
sealed record LoadedFile(string Path, byte[] Content, PolicyRules Rules, bool IsSigned);

/// <summary>Reads files of rules: each is opened once and read once, for between two looks it may change.</summary>
static class PolicyFiles
{
    const int ChunkBytes = 64 * 1024;

    static readonly string[] YamlEndings = [".yaml", ".yml"];

    /// <summary>Reads one: in YAML if its name ends so, else in the kernel's language.</summary>
    /// <param name="keys">One of them must have signed it; null: it needs no signature.</param>
    /// <exception cref="PolicyException">It cannot be read, is not understood, or is not signed.</exception>
    public static LoadedFile Read(string path, PolicyKeys? keys)
    {
        byte[] content = ReadBytes(path, KernelPolicyReader.MostBytes);
        keys?.Require(path, content);
        string text = Encoding.UTF8.GetString(content);
        PolicyRules rules = YamlEndings.Any(ending => path.EndsWith(ending, StringComparison.Ordinal))
            ? YamlPolicyReader.Read(text, path)
            : new PolicyRules(KernelPolicyReader.Read(text, path));
        return new LoadedFile(path, content, rules, IsSigned: keys != null);
    }

    /// <summary>All bytes of a regular file. Anything else is neither waited for nor read.</summary>
    /// <param name="most">A longer file is refused; no more than that is ever in memory.</param>
    /// <exception cref="PolicyException">It cannot be read.</exception>
    public static byte[] ReadBytes(string path, int most) => ReadBytes(path, most, out _);

    /// <inheritdoc cref="ReadBytes(string, int)"/>
    /// <param name="stat">Whose it is, and who may write it.</param>
    public static byte[] ReadBytes(string path, int most, out FileStat stat)
    {
        using HeldFile file = Open(path);
        if (!file.TryStat(out stat, out int error))
        {
            throw Failed(path, -error);
        }

        if (!stat.IsRegular)
        {
            throw new PolicyException(new PolicyPlace(path), "is not a regular file");
        }

        RequireFits(path, stat.Size, most);
        return ReadAll(file, path, most);
    }

    static HeldFile Open(string path)
    {
        try
        {
            return HeldFile.Open(path);
        }
        catch (ErrnoException e)
        {
            throw Failed(path, e.Errno);
        }
    }

    /// <summary>To the end and not by the size: the file may grow, and those of /proc tell none.</summary>
    static byte[] ReadAll(HeldFile file, string path, int most)
    {
        using var content = new MemoryStream();
        byte[] chunk = new byte[ChunkBytes];
        for (;;)
        {
            int got = file.ReadAt(chunk, content.Length);
            if (got < 0)
            {
                throw Failed(path, -got);
            }

            if (got == 0)
            {
                return content.ToArray();
            }

            RequireFits(path, (ulong)(content.Length + got), most);
            content.Write(chunk, 0, got);
        }
    }

    static void RequireFits(string path, ulong size, int most)
    {
        if (size > (ulong)most)
        {
            throw new PolicyException(
                new PolicyPlace(path),
                string.Create(CultureInfo.InvariantCulture, $"has {size} bytes; more than {most} are not read"));
        }
    }

    /// <param name="errno">Positive.</param>
    static PolicyException Failed(string path, int errno) =>
        new(new PolicyPlace(path), ErrnoException.Describe(errno));
}
