using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// An ext4 filesystem on a disk that can hang: a loop device whose file is served by a program over FUSE, which can be
/// stopped. It is read-only and was mounted anew, so that nothing is in memory but what was read since.
/// </summary>
sealed class SlowDisk : IDisposable
{
    static readonly Lazy<string> Program = new(() => Fault.Compile("disk", Source, "-static"));

    readonly string _file = Bench.NewFile("disk", "");
    readonly string _path = Bench.NewDirectory("slow");
    readonly int _server;

    /// <param name="fill">Puts files on it.</param>
    public SlowDisk(Action<Volume> fill)
    {
        string image;
        using (var volume = new Volume("ext4"))
        {
            fill(volume);
            image = volume.Image!;
        }

        _server = int.Parse(Shell.Must(Program.Value, image, _file), System.Globalization.CultureInfo.InvariantCulture);

        // The loop device ends with its mount, whatever becomes of this run.
        Shell.Must("mount", "-o", "loop,ro,noatime", _file, _path);
    }

    public string Path => _path;

    public string this[string name] => System.IO.Path.Combine(_path, name);

    /// <summary>Takes what can be known of a file without reading it, or all of it, into memory.</summary>
    public void Warm(string name, bool content) =>
        Shell.Must("sh", "-c", content ? $"cat {this[name]} > /dev/null" : $"getfattr -m - {this[name]} 2> /dev/null; stat {this[name]}");

    /// <summary>Takes the first page of a file into memory, which shows what kind of file it is.</summary>
    public void WarmHead(string name) => Shell.Must(
        "python3", "-c",
        "import os,sys; f=os.open(sys.argv[1],0); os.posix_fadvise(f,0,0,os.POSIX_FADV_RANDOM); os.read(f,4096)", this[name]);

    public void Hang() => Shell.Signal("STOP", _server);

    public void GoOn() => Shell.Signal("CONT", _server);

    public void Dispose()
    {
        GoOn();
        Shell.Run("umount", "-l", _path);
        Shell.Signal("KILL", _server);
        Shell.Run("umount", "-l", _file);
    }

    /// <summary>Mounts a FUSE filesystem whose root is one file, and serves it in the background.</summary>
    const string Source =
        """
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/fuse.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mount.h>
        #include <sys/stat.h>
        #include <unistd.h>
        static char request[1 << 20], reply[sizeof(struct fuse_out_header) + (1 << 20)];
        static int serve(int fuse, int image)
        {
            struct fuse_in_header *in = (void *)request;
            struct fuse_out_header *out = (void *)reply;
            void *asked = in + 1, *body = out + 1;
            struct fuse_read_in *part = asked;
            struct fuse_init_out *init = body;
            struct fuse_attr_out *attr = body;
            struct fuse_open_out *open_out = body;
            struct stat stat;
            size_t size = 0;
            if (read(fuse, request, sizeof(request)) <= 0)
                return errno == EINTR || errno == EAGAIN;
            memset(reply, 0, sizeof(*out) + 256);
            switch (in->opcode) {
            case FUSE_INIT:
                init->major = FUSE_KERNEL_VERSION;
                init->minor = FUSE_KERNEL_MINOR_VERSION;
                init->max_write = 4096;
                init->time_gran = 1;
                size = sizeof(*init);
                break;
            case FUSE_GETATTR:
                fstat(image, &stat);
                attr->attr_valid = 3600;
                attr->attr.ino = 1;
                attr->attr.size = stat.st_size;
                attr->attr.mode = S_IFREG | 0600;
                attr->attr.nlink = 1;
                size = sizeof(*attr);
                break;
            case FUSE_OPEN:
                open_out->open_flags = FOPEN_DIRECT_IO;
                size = sizeof(*open_out);
                break;
            case FUSE_READ:
                size = pread(image, body, part->size, part->offset);
                break;
            case FUSE_FORGET:
            case FUSE_BATCH_FORGET:
                return 1;
            case FUSE_FLUSH:
            case FUSE_RELEASE:
            case FUSE_FSYNC:
                break;
            default:
                out->error = -ENOSYS;
            }
            out->len = sizeof(*out) + size;
            out->unique = in->unique;
            return write(fuse, reply, out->len) > 0 || errno == ENOENT;
        }
        int main(int argc, char **argv)
        {
            char options[128];
            int image = open(argv[1], O_RDONLY), fuse = open("/dev/fuse", O_RDWR), child;
            snprintf(options, sizeof(options), "fd=%d,rootmode=100600,user_id=0,group_id=0", fuse);
            if (argc != 3 || mount("slow", argv[2], "fuse.slow", 0, options) < 0) {
                perror("mount");
                return 1;
            }
            child = fork();
            if (child != 0)
                return printf("%d\n", child) < 0;
            close(0), close(1), close(2);
            while (serve(fuse, image))
                ;
            return 0;
        }
        """;
}
