using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ImaHost.Interop;

namespace ImaHost.Fs;

/// <summary>
/// Serves the directory of the published files (ima_fs.c), speaking /dev/fuse for one mount: one level, fixed node
/// numbers, no state but what lies in the guard's memory. One thread, which must never touch the mount itself.
/// </summary>
/// <param name="group">The group id of the files. Their permissions say which of them it may read.</param>
sealed class ImaFs(FuseDevice device, IReadOnlyList<PublishedFile> files, uint group)
{
    const int NoEntry = 2; // ENOENT
    const int NotPermitted = 1; // EPERM
    const int NotDirectory = 20; // ENOTDIR
    const int IsDirectory = 21; // EISDIR
    const int NotImplemented = 38; // ENOSYS
    const uint DirectoryMode = 0x4000 | 0x1ed; // 0755
    const uint RegularMode = 0x8000;
    const int Refused = 13; // EACCES
    const uint AccessModeMask = 3; // O_ACCMODE
    const uint ReadWrite = 2; // O_RDWR
    const uint Append = 0x400; // O_APPEND
    const ulong Root = 1;
    const ulong FirstFile = 2;
    const ulong LongTime = 3600;

    /// <summary>Answers until the mount is gone.</summary>
    public void Run()
    {
        while (device.Take())
        {
            Answer();
        }
    }

    void Answer()
    {
        switch (device.Header.Opcode)
        {
            case FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt:
                device.Drop();
                break;
            case FuseOpcode.Lookup:
                Lookup();
                break;
            case FuseOpcode.GetAttr:
                GetAttr();
                break;
            case FuseOpcode.SetAttr:
                SetAttr();
                break;
            case FuseOpcode.Open:
                Open();
                break;
            case FuseOpcode.Read:
                Read();
                break;
            case FuseOpcode.Write:
                Write();
                break;
            case FuseOpcode.Flush:
                device.ReplyError(FileOf(out PublishedFile? flushed) ? -flushed.Flush(Body<FuseHandleIn>().Handle) : 0);
                break;
            case FuseOpcode.Release:
                Release();
                break;
            case FuseOpcode.OpenDir:
                device.Reply(default(FuseOpenOut));
                break;
            case FuseOpcode.ReadDir:
                ReadDir();
                break;
            case FuseOpcode.ReleaseDir:
                device.ReplyError(0);
                break;
            case FuseOpcode.StatFs:
                device.Reply(new FuseStatFs { Files = (ulong)files.Count + 1, BlockSize = 4096, NameLength = 255 });
                break;
            default:
                device.ReplyError(Refusal(device.Header.Opcode));
                break;
        }
    }

    /// <summary>What changes the directory is forbidden; the rest the kernel does by itself when it hears ENOSYS.</summary>
    static int Refusal(FuseOpcode opcode) => opcode is
        FuseOpcode.Create or FuseOpcode.MkNod or FuseOpcode.MkDir or FuseOpcode.Symlink or FuseOpcode.Unlink
        or FuseOpcode.RmDir or FuseOpcode.Rename or FuseOpcode.Rename2 or FuseOpcode.Link
            ? NotPermitted
            : NotImplemented;

    void Lookup()
    {
        ReadOnlySpan<byte> name = device.Body;
        name = name[..Math.Max(name.IndexOf((byte)0), 0)];
        for (int i = 0; i < files.Count && device.Header.NodeId == Root; i++)
        {
            if (name.SequenceEqual(files[i].Utf8Name))
            {
                ulong node = FirstFile + (ulong)i;
                device.Reply(new FuseEntryOut { NodeId = node, EntryValid = LongTime, Attr = Attributes(node) });
                return;
            }
        }

        device.ReplyError(NoEntry);
    }

    void GetAttr()
    {
        ulong node = device.Header.NodeId;
        if (node != Root && !FileOf(out _))
        {
            device.ReplyError(NoEntry);
            return;
        }

        // The root never changes: stat and df of the mount need not wait for a host.
        device.Reply(new FuseAttrOut { AttrValid = node == Root ? LongTime : 0, Attr = Attributes(node) });
    }

    void SetAttr()
    {
        FuseSetAttrIn asked = Body<FuseSetAttrIn>();
        bool truncates = (asked.Valid & FuseSetAttrIn.SizeValid) != 0;
        int error = NotPermitted;
        if (FileOf(out PublishedFile? file) && truncates)
        {
            error = -file.SetSize((long)asked.Size);
        }

        if (error != 0)
        {
            device.ReplyError(error);
            return;
        }

        device.Reply(new FuseAttrOut { Attr = Attributes(device.Header.NodeId) });
    }

    void Open()
    {
        uint flags = Body<FuseOpenIn>().Flags;
        if (!FileOf(out PublishedFile? file))
        {
            device.ReplyError(IsDirectory);
            return;
        }

        // A number of the request's own: the host that takes up what another left knows its handle by that.
        ulong handle = device.Header.Unique;
        int result = (flags & AccessModeMask) switch
        {
            0 => file.OpenToRead(handle),
            ReadWrite when !file.IsReadOnly => -Refused, // ima_open_policy
            _ => file.OpenToWrite((flags & Append) != 0, handle, device.Header.Pid),
        };
        if (result < 0)
        {
            device.ReplyError(-result);
            return;
        }

        // Flushing would make close(2), also of an inherited handle, wait while no host is there.
        uint options = FuseOpenOut.DirectIo | (file.IsReadOnly ? FuseOpenOut.NoFlush : 0);
        device.Reply(new FuseOpenOut { Handle = handle, OpenFlags = options });
    }

    void Read()
    {
        FuseIoIn asked = Body<FuseIoIn>();
        if (!FileOf(out PublishedFile? file))
        {
            device.ReplyError(IsDirectory);
            return;
        }

        Span<byte> buffer = device.ReplyBuffer[..(int)Math.Min(asked.Size, (uint)FuseDevice.MaxRead)];
        Finish(file.Read(buffer, (long)asked.Offset));
    }

    void Write()
    {
        FuseIoIn asked = Body<FuseIoIn>();
        ReadOnlySpan<byte> data = device.Body[FuseIoIn.WriteHeader..];
        int result = FileOf(out PublishedFile? file)
            ? file.Write(asked.Handle, data[..(int)Math.Min(asked.Size, (uint)data.Length)], (long)asked.Offset)
            : -IsDirectory;
        if (result < 0)
        {
            device.ReplyError(-result);
            return;
        }

        device.Reply(new FuseWriteOut { Size = (uint)result });
    }

    void Release()
    {
        if (FileOf(out PublishedFile? file))
        {
            file.Release(Body<FuseHandleIn>().Handle);
        }

        device.ReplyError(0);
    }

    /// <summary>struct fuse_dirent: ino, off, namelen, type, name, padded to 8 bytes. One request takes them all.</summary>
    void ReadDir()
    {
        FuseIoIn asked = Body<FuseIoIn>();
        if (device.Header.NodeId != Root)
        {
            device.ReplyError(NotDirectory);
            return;
        }

        Span<byte> into = device.ReplyBuffer[..(int)Math.Min(asked.Size, (uint)FuseDevice.MaxRead)];
        int done = 0;
        for (ulong position = asked.Offset; position < (ulong)files.Count + 2; position++)
        {
            (ulong node, byte[] name, uint type) = position switch
            {
                0 => (Root, "."u8.ToArray(), DirectoryMode),
                1 => (Root, ".."u8.ToArray(), DirectoryMode),
                _ => (position, files[(int)(position - FirstFile)].Utf8Name, RegularMode),
            };
            int size = (24 + name.Length + 7) & ~7;
            if (done + size > into.Length)
            {
                break;
            }

            Span<byte> entry = into.Slice(done, size);
            entry.Clear();
            BinaryPrimitives.WriteUInt64LittleEndian(entry, node);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], position + 1);
            BinaryPrimitives.WriteInt32LittleEndian(entry[16..], name.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[20..], type >> 12);
            name.CopyTo(entry[24..]);
            done += size;
        }

        device.Reply(done);
    }

    void Finish(int result)
    {
        if (result < 0)
        {
            device.ReplyError(-result);
        }
        else
        {
            device.Reply(result);
        }
    }

    FuseAttr Attributes(ulong node)
    {
        if (node == Root)
        {
            return new FuseAttr { Ino = Root, Mode = DirectoryMode, Nlink = 2, BlockSize = 4096 };
        }

        PublishedFile file = files[(int)(node - FirstFile)];
        return new FuseAttr
        {
            Ino = node,
            Mode = RegularMode | file.Permissions,
            Nlink = 1,
            Gid = group,
            Size = (ulong)file.Size,
            BlockSize = 4096,
        };
    }

    /// <summary>The file the request is about; false for the root and for nodes that do not exist.</summary>
    bool FileOf([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PublishedFile? file)
    {
        ulong index = device.Header.NodeId - FirstFile;
        file = device.Header.NodeId >= FirstFile && index < (ulong)files.Count ? files[(int)index] : null;
        return file != null;
    }

    T Body<T>()
        where T : unmanaged
    {
        Span<byte> padded = stackalloc byte[128];
        ReadOnlySpan<byte> body = device.Body;
        body[..Math.Min(body.Length, padded.Length)].CopyTo(padded);
        return MemoryMarshal.Read<T>(padded);
    }
}
