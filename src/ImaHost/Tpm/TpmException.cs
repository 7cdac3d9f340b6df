namespace ImaHost.Tpm;

/// <summary>The TPM refused a command, answered nonsense, or is not there.</summary>
sealed class TpmException : IOException
{
    /// <param name="code">TPM_RC, TPM 2.0 Part 2, section 6.6; 0 when the TPM said nothing.</param>
    public TpmException(string message, uint code = 0, Exception? inner = null)
        : base(message, inner) => Code = code;

    public uint Code { get; }

    public static TpmException Refused(string command, uint code) =>
        new($"the TPM refused {command}: {Describe(code)}", code);

    static string Describe(uint code) => code switch
    {
        0x100 => "TPM_RC_INITIALIZE (0x100): it was not started",
        0x101 => "TPM_RC_FAILURE (0x101): it failed its self test",
        0x902 => "TPM_RC_OBJECT_MEMORY (0x902): other keys fill it; tpm2_flushcontext -t removes them",
        0x907 => "TPM_RC_LOCALITY (0x907): this PCR cannot be extended from here",
        0x921 => "TPM_RC_LOCKOUT (0x921)",
        0x98e or 0x9a2 => $"0x{code:x3}: a password is set (of the endorsement hierarchy, or of the attestation key), and none is known here",
        0x922 => "TPM_RC_RETRY (0x922)",
        _ => $"response code 0x{code:x3}",
    };
}
