namespace ImaHost.Packages;

/// <summary>An archive, a package database or a list of ours cannot be used: says which, and why.</summary>
sealed class PackageException(string message) : Exception(message);
