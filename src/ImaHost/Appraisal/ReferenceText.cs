using System.Globalization;

namespace ImaHost.Appraisal;

/// <summary>A line of a list that vouches for a file, in words.</summary>
static class ReferenceText
{
    /// <returns>Where it stands, and the package it is of; nulls when none vouches, or it is of no package.</returns>
    public static (string? Line, string? Package) Of(ReferenceIndex references, ReferenceHit? hit) => hit is { } at
        ? (string.Create(CultureInfo.InvariantCulture, $"list {at.Source} line {at.Line} ({references.KindOf(at)})"), null)
        : (null, null);
}
