namespace ImaHost.Tpm;

/// <summary>Something given as the values of PCRs is none, or contradicts itself.</summary>
/// <param name="message">Begins with "FILE:LINE: " where there is a line.</param>
sealed class PcrFormatException(string message) : FormatException(message);
