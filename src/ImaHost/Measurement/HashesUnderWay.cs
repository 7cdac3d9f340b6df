using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Measurement;

/// <summary>
/// Several who want the digest of one file at one time get it from the first of them, so that a program that is started
/// by many at once is hashed once. Only for files whose writers are kept out while each of them waits (leases): then
/// the content cannot be another for one than for the next. May be used by several threads.
/// </summary>
sealed class HashesUnderWay
{
    /// <summary>More at one time are hashed alone.</summary>
    const int Most = 32;

    const int WaitMilliseconds = 250;

    readonly object _gate = new(); // a Lock cannot be waited on
    readonly Flight[] _flights = new Flight[Most];
    readonly int _deadline;
    long _bytes;

    /// <param name="deadline">
    /// Milliseconds. The guard gives up the lease of a file whose deadline passed, so who comes later than that after
    /// the first hashes for himself.
    /// </param>
    public HashesUnderWay(int deadline)
    {
        _deadline = deadline;
        for (int i = 0; i < Most; i++)
        {
            _flights[i] = new Flight();
        }
    }

    /// <summary>Bytes that were read to be hashed.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>As <see cref="FileHasher.Hash"/>, or what another one finds out about the same file just now.</summary>
    /// <param name="shared">Writers are kept out.</param>
    public int Hash(
        FileHasher hasher, HeldFile file, in FileStat stat, HashAlgorithm algorithm, bool shared, Func<bool, bool>? goOn,
        out Digest digest)
    {
        bool leads = false;
        Flight? flight = shared ? Board(hasher, in stat, algorithm, out leads) : null;
        if (flight != null && !leads && Await(flight, goOn, out int error, out digest))
        {
            return error;
        }

        // What others find who wait for one that threw: they hash for themselves.
        error = FileHasher.Canceled;
        digest = Digest.Zero(algorithm);
        try
        {
            error = hasher.Hash(file, stat.Size, algorithm, goOn, out digest);
        }
        finally
        {
            if (leads)
            {
                Land(flight!, error, in digest);
            }
        }

        _ = Interlocked.Add(ref _bytes, error == 0 ? (long)stat.Size : 0);
        return error;
    }

    /// <returns>One to wait for or to lead; null when there is no room.</returns>
    Flight? Board(FileHasher hasher, in FileStat stat, HashAlgorithm algorithm, out bool leads)
    {
        long now = Environment.TickCount64;
        Flight? free = null;
        leads = false;
        lock (_gate)
        {
            foreach (Flight flight in _flights)
            {
                if (flight.Aboard == 0)
                {
                    free ??= flight;
                }
                else if (!flight.HasLanded && flight.Algorithm == algorithm && now - flight.Begun < _deadline
                    && flight.File.IsUnchangedFrom(in stat))
                {
                    flight.Aboard++;
                    return flight;
                }
            }

            free?.Begin(hasher, in stat, algorithm, now);
        }

        leads = free != null;
        return free;
    }

    /// <returns>False when the first one failed. True: it has the digest, or whoever asks here is gone.</returns>
    bool Await(Flight flight, Func<bool, bool>? goOn, out int error, out Digest digest)
    {
        bool wanted = true;
        long read = flight.Leader!.Read;
        for (;;)
        {
            lock (_gate)
            {
                if (wanted && !flight.HasLanded)
                {
                    _ = Monitor.Wait(_gate, WaitMilliseconds);
                }

                if (flight.HasLanded || !wanted)
                {
                    flight.Aboard--;
                    error = flight.HasLanded ? flight.Error : FileHasher.Canceled;
                    digest = flight.HasLanded ? flight.Digest : Digest.Zero(flight.Algorithm);
                    return !flight.HasLanded || error == 0;
                }
            }

            // Outside of the lock, because it asks the guard and looks into /proc. Who waits for a disk that does not
            // answer gets no more time.
            wanted = goOn?.Invoke(flight.Leader.Read != read) != false;
            read = flight.Leader.Read;
        }
    }

    void Land(Flight flight, int error, in Digest digest)
    {
        lock (_gate)
        {
            flight.HasLanded = true;
            flight.Error = error;
            flight.Digest = digest;
            flight.Aboard--;
            Monitor.PulseAll(_gate);
        }
    }

    sealed class Flight
    {
        public int Aboard;
        public FileHasher? Leader;
        public FileStat File;
        public HashAlgorithm Algorithm = HashAlgorithm.Sha256;
        public long Begun;
        public bool HasLanded;
        public int Error;
        public Digest Digest;

        public void Begin(FileHasher leader, in FileStat file, HashAlgorithm algorithm, long now)
        {
            Aboard = 1;
            Leader = leader;
            File = file;
            Algorithm = algorithm;
            Begun = now;
            HasLanded = false;
        }
    }
}
