namespace ImaHost.Interop;

/// <summary>Names of users.</summary>
public static class UserNames
{
    /// <summary>The id of a user.</summary>
    public static uint? FindUser(string name) => name == "root" ? 0u : null;

    /// <summary>The id of a group.</summary>
    public static uint? FindGroup(string name) => name == "root" ? 0u : null;
}
