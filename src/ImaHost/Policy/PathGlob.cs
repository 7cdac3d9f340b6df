using System.Text;

namespace ImaHost.Policy;

/// <summary>
/// A pattern for paths, as in gitignore(5): "*" and "?" stand for anything within a component, "[a-z]" and "[!a-z]" for
/// one byte, "**/" for any number of directories, "**" for anything; "\" takes the next character as it is.
/// </summary>
sealed class PathGlob
{
    readonly Step[] _steps;

    /// <summary>The bytes before the first step that is something else.</summary>
    readonly byte[] _start;

    /// <summary>The bytes after the last step that is something else.</summary>
    readonly byte[] _end;

    PathGlob(string text, Step[] steps)
    {
        Text = text;
        _steps = steps;
        int literal = Array.FindIndex(steps, step => step.Kind != StepKind.Byte);
        IsExact = literal < 0;
        byte[] start = [.. steps[..(IsExact ? steps.Length : literal)].Select(step => step.Value)];
        Prefix = IsExact ? start : start[..(start.AsSpan().LastIndexOf((byte)'/') + 1)];
        _start = start;
        _end = [.. steps[(Array.FindLastIndex(steps, step => step.Kind != StepKind.Byte) + 1)..].Select(step => step.Value)];
    }

    enum StepKind
    {
        /// <summary>This byte.</summary>
        Byte,
        /// <summary>One byte of a set.</summary>
        Set,
        /// <summary>Any bytes but "/".</summary>
        Star,
        /// <summary>Any bytes.</summary>
        Anything,
        /// <summary>Any number of whole components, each with its "/".</summary>
        Directories,
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>It stands for one path only.</summary>
    public bool IsExact { get; }

    /// <summary>What every path that matches begins with: whole components, or the path when it is exact.</summary>
    public ReadOnlyMemory<byte> Prefix { get; }

    /// <summary>What every path that matches ends in.</summary>
    public ReadOnlyMemory<byte> End => _end;

    /// <exception cref="FormatException">It is not a pattern.</exception>
    public static PathGlob Parse(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var steps = new List<Step>();
        for (int at = 0; at < bytes.Length;)
        {
            int length = ReadStep(bytes.AsSpan(at), steps);
            at += length > 0 ? length : throw new FormatException($"\"{text}\" has a \"[\" without \"]\"");
        }

        return steps.Count > 0 ? new PathGlob(text, [.. steps]) : throw new FormatException("an empty pattern");
    }

    public bool Matches(ReadOnlySpan<byte> path) =>
        path.StartsWith(_start) && path.EndsWith(_end) && (IsExact ? path.Length == _start.Length : MatchesSteps(path));

    /// <summary>Goes on from the last "*" or "**" that can take more when something does not fit.</summary>
    bool MatchesSteps(ReadOnlySpan<byte> path)
    {
        int step = 0;
        int at = 0;
        int star = -1;
        int starAt = 0;
        int deep = -1;
        int deepAt = 0;
        for (;;)
        {
            if (step == _steps.Length && at == path.Length)
            {
                return true;
            }

            switch (step < _steps.Length ? _steps[step].Kind : StepKind.Byte)
            {
                case StepKind.Star:
                    (star, starAt) = (++step, at);
                    continue;
                case StepKind.Anything or StepKind.Directories:
                    (deep, deepAt, star) = (step++, at, -1);
                    continue;
                case var _ when step < _steps.Length && at < path.Length && _steps[step].Takes(path[at]):
                    step++;
                    at++;
                    continue;
            }

            if (star >= 0 && starAt < path.Length && path[starAt] != '/')
            {
                (step, at) = (star, ++starAt);
            }
            else if (deep >= 0 && _steps[deep].TryExtend(path, ref deepAt, whole: star >= 0))
            {
                (step, at, star) = (deep + 1, deepAt, -1);
            }
            else
            {
                return false;
            }
        }
    }

    public override string ToString() => Text;

    /// <returns>How many bytes of the pattern were read; 0: it has no end.</returns>
    static int ReadStep(ReadOnlySpan<byte> rest, List<Step> steps)
    {
        switch (rest[0])
        {
            case (byte)'*' when rest is [_, (byte)'*', (byte)'/', ..] && (steps.Count == 0 || steps[^1].EndsComponent):
                steps.Add(new Step(StepKind.Directories));
                return 3;
            case (byte)'*' when rest is [_, (byte)'*', ..]:
                steps.Add(new Step(StepKind.Anything));
                return 2;
            case (byte)'*':
                steps.Add(new Step(StepKind.Star));
                return 1;
            case (byte)'?':
                steps.Add(new Step(StepKind.Set, Set: ByteSet.AllBut("/"u8)));
                return 1;
            case (byte)'[':
                int length = ByteSet.Parse(rest, out ByteSet set);
                steps.Add(new Step(StepKind.Set, Set: set));
                return length;
            case (byte)'\\' when rest.Length > 1:
                steps.Add(new Step(StepKind.Byte, rest[1]));
                return 2;
            default:
                steps.Add(new Step(StepKind.Byte, rest[0]));
                return 1;
        }
    }

    readonly record struct Step(StepKind Kind, byte Value = 0, ByteSet? Set = null)
    {
        public bool EndsComponent => Kind == StepKind.Directories || (Kind == StepKind.Byte && Value == '/');

        public bool Takes(byte one) => Kind == StepKind.Byte ? one == Value : Set!.Has(one);

        /// <summary>Lets a "**" stand for more.</summary>
        /// <param name="whole">
        /// For a whole component more: a "*" after it took the rest of one in vain, and would again from any place in
        /// this one.
        /// </param>
        public bool TryExtend(ReadOnlySpan<byte> path, ref int at, bool whole)
        {
            int more = Kind == StepKind.Anything && !whole
                ? (at < path.Length ? 1 : 0)
                : path[at..].IndexOf((byte)'/') + 1;
            at += more;
            return more > 0;
        }
    }

    sealed class ByteSet
    {
        readonly bool[] _has = new bool[256];

        public bool Has(byte one) => _has[one];

        public static ByteSet AllBut(ReadOnlySpan<byte> some)
        {
            var set = new ByteSet();
            Array.Fill(set._has, true);
            foreach (byte one in some)
            {
                set._has[one] = false;
            }

            return set;
        }

        /// <summary>
        /// Reads from "[" to "]". A "]" that stands first, and what a "\" stands before, stand for themselves; "/" is
        /// never in it, as in the shell.
        /// </summary>
        /// <returns>How many bytes it takes; 0: there is no end.</returns>
        public static int Parse(ReadOnlySpan<byte> text, out ByteSet set)
        {
            set = new ByteSet();
            bool negated = text is [_, (byte)'!' or (byte)'^', ..];
            int first = negated ? 2 : 1;
            int at = first;
            for (; at < text.Length && (text[at] != ']' || at == first);)
            {
                byte low = ReadOne(text, ref at);
                byte high = low;
                if (text[at..] is [(byte)'-', not (byte)']', ..])
                {
                    at++;
                    high = ReadOne(text, ref at);
                }

                set.Add(low, high);
            }

            set.Finish(negated);
            return at < text.Length ? at + 1 : 0;
        }

        static byte ReadOne(ReadOnlySpan<byte> text, ref int at)
        {
            at += text[at..] is [(byte)'\\', _, ..] ? 1 : 0;
            return text[at++];
        }

        void Add(byte low, byte high)
        {
            for (int one = low; one <= high; one++)
            {
                _has[one] = true;
            }
        }

        void Finish(bool negated)
        {
            for (int one = 0; negated && one < 256; one++)
            {
                _has[one] = !_has[one];
            }

            _has['/'] = false;
        }
    }
}
