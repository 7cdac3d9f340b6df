using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Very many who open files at one time, each a thread.</summary>
static class Waiters
{
    static readonly Lazy<string> Program = new(() => Fault.Compile("waiters", Source));

    /// <summary>Opens programs by many threads.</summary>
    /// <param name="name">What their names begin with; a number from 0 follows.</param>
    /// <param name="files">How many programs there are.</param>
    /// <returns>"N opened, N refused" and, as the errors, the milliseconds until the last one was answered.</returns>
    public static Outcome Open(string directory, string name, int files, int threads, int seconds = 20)
    {
        using Running running = Start(directory, name, files, threads);
        return running.Wait(seconds);
    }

    public static Running Start(string directory, string name, int files, int threads) => Shell.Start(
        Program.Value, Path.Combine(directory, name), files.ToString(CultureInfo.InvariantCulture),
        threads.ToString(CultureInfo.InvariantCulture));

    const string Source =
        """
        #include <fcntl.h>
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/resource.h>
        #include <time.h>
        #include <unistd.h>
        static const char *name;
        static int files, opened, refused;
        static void *opens(void *number)
        {
            char path[4096];
            int fd;
            snprintf(path, sizeof(path), "%s%ld", name, (long)number % files);
            fd = open(path, O_RDONLY);
            if (fd < 0)
                __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
            else
                __atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        int main(int argc, char **argv)
        {
            struct timespec begun, over;
            long i, threads = argc > 3 ? atol(argv[3]) : 0;
            pthread_t *all = calloc(threads, sizeof(*all));
            struct rlimit most;
            pthread_attr_t small;
            getrlimit(RLIMIT_NOFILE, &most);
            most.rlim_cur = most.rlim_max;
            setrlimit(RLIMIT_NOFILE, &most);
            name = argv[1];
            files = atoi(argv[2]);
            pthread_attr_init(&small);
            pthread_attr_setstacksize(&small, 32768);
            clock_gettime(CLOCK_MONOTONIC, &begun);
            for (i = 0; i < threads; i++)
                if (pthread_create(&all[i], &small, opens, (void *)i)) {
                    perror("thread");
                    return 1;
                }
            for (i = 0; i < threads; i++)
                pthread_join(all[i], NULL);
            clock_gettime(CLOCK_MONOTONIC, &over);
            printf("%d opened, %d refused\n", opened, refused);
            fprintf(stderr, "%ld\n", (over.tv_sec - begun.tv_sec) * 1000 + (over.tv_nsec - begun.tv_nsec) / 1000000);
            return 0;
        }
        """;
}
