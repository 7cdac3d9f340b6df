namespace ImaHost.Appraisal;

/// <summary>A set of byte strings that is looked up without allocating.</summary>
sealed class RevokedBytes(IEnumerable<byte[]> values)
{
    readonly byte[][] _sorted = [.. values.Order(Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)))];

    public bool Any => _sorted.Length > 0;

    public bool Contains(ReadOnlySpan<byte> wanted)
    {
        int low = 0;
        for (int high = _sorted.Length - 1; low <= high;)
        {
            int middle = (low + high) >>> 1;
            int order = wanted.SequenceCompareTo(_sorted[middle]);
            if (order == 0)
            {
                return true;
            }

            (low, high) = order < 0 ? (low, middle - 1) : (middle + 1, high);
        }

        return false;
    }

    /// <summary>Does one of them stand at the end of that?</summary>
    public bool HasEndOf(ReadOnlySpan<byte> whole)
    {
        foreach (byte[] end in _sorted)
        {
            if (whole.EndsWith(end))
            {
                return true;
            }
        }

        return false;
    }
}
