using System.Numerics;

namespace ImaHost.Engine;

/// <summary>
/// How often something took how long, in nanoseconds. Four buckets for each power of two: what is told is at most a
/// quarter too much. One thread records, any may add it to a histogram of its own, and nobody waits for the other.
/// </summary>
sealed class LatencyHistogram
{
    /// <summary>The bits below the highest that choose the bucket.</summary>
    const int Bits = 2;

    const int PerPower = 1 << Bits;

    /// <summary>Enough for every long that is not negative.</summary>
    const int Buckets = (63 - Bits + 1) * PerPower;

    readonly long[] _buckets = new long[Buckets];
    long _max;
    long _sum;

    /// <summary>How many were recorded. Of one that is being recorded in, add it to another first.</summary>
    public long Count => _buckets.Sum();

    /// <summary>The longest, exactly.</summary>
    public long Max => Volatile.Read(ref _max);

    /// <summary>All of them together.</summary>
    public long Sum => Volatile.Read(ref _sum);

    /// <summary>Counts one. For one thread alone, so nothing here has to be an interlocked operation.</summary>
    public void Record(long nanoseconds)
    {
        long value = Math.Max(nanoseconds, 0);
        if (value > _max)
        {
            // Before it is counted: who sees it counted sees a maximum that is not below it.
            Volatile.Write(ref _max, value);
        }

        Volatile.Write(ref _sum, _sum + value);
        ref long bucket = ref _buckets[BucketOf(value)];
        Volatile.Write(ref bucket, bucket + 1);
    }

    /// <summary>Adds what another one has counted, which may go on meanwhile. For the thread that owns this one.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < Buckets; i++)
        {
            _buckets[i] += Volatile.Read(ref other._buckets[i]);
        }

        _max = Math.Max(_max, other.Max);
        _sum += other.Sum;
    }

    /// <summary>How many took less than 2^power nanoseconds.</summary>
    public long CountBelow(int power)
    {
        long count = 0;
        for (int i = 0; i < Buckets && LargestIn(i) < 1L << power; i++)
        {
            count += _buckets[i];
        }

        return count;
    }

    /// <summary>The time that this share of all took at most; 0 when there were none.</summary>
    /// <param name="share">Over 0 to 1.</param>
    public long Percentile(double share)
    {
        long count = Count;
        long seen = 0;
        for (int i = 0; i < Buckets && count > 0; i++)
        {
            seen += _buckets[i];
            if (seen >= share * count)
            {
                return Math.Min(LargestIn(i), _max);
            }
        }

        return 0;
    }

    /// <summary>Below four each value has a bucket; above, the highest bit and the two below it name one.</summary>
    static int BucketOf(long value)
    {
        if (value < PerPower)
        {
            return (int)value;
        }

        int shift = BitOperations.Log2((ulong)value) - Bits;
        return (shift * PerPower) + (int)(value >> shift);
    }

    static long LargestIn(int bucket)
    {
        if (bucket < PerPower)
        {
            return bucket;
        }

        int shift = (bucket / PerPower) - 1;
        long first = (long)(PerPower + (bucket % PerPower)) << shift;
        return first + ((1L << shift) - 1);
    }
}
