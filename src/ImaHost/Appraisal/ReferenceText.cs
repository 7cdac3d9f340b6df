using System.Globalization;

namespace ImaHost.Appraisal;

/// <summary>A line of a list that vouches for a file, in words.</summary>
static class ReferenceText
{
    /// <returns>Where it stands, and the package it is of; nulls when none vouches, or it is of no package.</returns>
    public static (string? Line, string? Package) Of(ReferenceIndex references, ReferenceHit? hit) => hit is { } at
        ? (string.Create(CultureInfo.InvariantCulture, $"{references[at.Source].File}:{at.Line}"), references[at.Source].Package?.ToString())
        : (null, null);
}
