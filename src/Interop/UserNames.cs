using System.Runtime.InteropServices;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// The names of users and groups, as the system's databases have them (nsswitch.conf(5)). The C library may read
/// files, load modules and ask servers for this: not for the way of a held access.
/// </summary>
public static unsafe class UserNames
{
    const int FirstBuffer = 1024;
    const int LargestBuffer = 1 << 24;

    enum Database
    {
        Users,
        Groups,
    }

    /// <summary>The user id of a name (getpwnam_r(3)), or null when there is no such user.</summary>
    /// <exception cref="ErrnoException">It could not be found out.</exception>
    public static uint? FindUser(string name) => FindId(Database.Users, name);

    /// <summary>The group id of a name (getgrnam_r(3)), or null when there is no such group.</summary>
    /// <exception cref="ErrnoException">It could not be found out.</exception>
    public static uint? FindGroup(string name) => FindId(Database.Groups, name);

    /// <summary>The name of a user id (getpwuid_r(3)), or null when no user has it.</summary>
    /// <exception cref="ErrnoException">It could not be found out.</exception>
    public static string? FindUserName(uint id) => Find(Database.Users, null, id)?.Name;

    /// <summary>The name of a group id (getgrgid_r(3)), or null when no group has it.</summary>
    /// <exception cref="ErrnoException">It could not be found out.</exception>
    public static string? FindGroupName(uint id) => Find(Database.Groups, null, id)?.Name;

    static uint? FindId(Database database, string name) =>
        // A C string would end at the NUL, and be somebody else's name.
        name.Contains('\0', StringComparison.Ordinal) ? null : Find(database, name, 0)?.Id;

    static (string Name, uint Id)? Find(Database database, string? name, uint id)
    {
        for (int size = FirstBuffer; ;)
        {
            int error = TryFind(database, name, id, size, out (string, uint)? found);
            switch (error)
            {
                case 0 or Libc.ENOENT or Libc.ESRCH: // What modules say of one who is not there, getpwnam_r(3)
                    return found;
                case Libc.EINTR:
                    break;
                case Libc.ERANGE when size < LargestBuffer:
                    size *= 2;
                    break;
                default:
                    string what = database == Database.Users ? "user" : "group";
                    throw new ErrnoException(name == null ? $"find {what} {id}" : $"find {what} \"{name}\"", error);
            }
        }
    }

    /// <returns>The error number; 0 also when there is none.</returns>
    static int TryFind(Database database, string? name, uint id, int size, out (string Name, uint Id)? found)
    {
        found = null;
        fixed (byte* key = name == null ? null : Encoding.UTF8.GetBytes(name + '\0'))
        fixed (byte* buffer = new byte[size])
        {
            int error;
            if (database == Database.Users)
            {
                Libc.Passwd entry;
                Libc.Passwd* result = null;
                error = key == null
                    ? Libc.getpwuid_r(id, &entry, buffer, (nuint)size, &result)
                    : Libc.getpwnam_r(key, &entry, buffer, (nuint)size, &result);
                found = result == null ? null : (TextOf(entry.pw_name), entry.pw_uid);
            }
            else
            {
                Libc.Group entry;
                Libc.Group* result = null;
                error = key == null
                    ? Libc.getgrgid_r(id, &entry, buffer, (nuint)size, &result)
                    : Libc.getgrnam_r(key, &entry, buffer, (nuint)size, &result);
                found = result == null ? null : (TextOf(entry.gr_name), entry.gr_gid);
            }

            return error;
        }
    }

    static string TextOf(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
