namespace ImaHost.Tpm;

/// <summary>The commands that make a key in the TPM and have it sign what the PCRs hold.</summary>
sealed partial class TpmCommands
{
    const uint CommandCreatePrimary = 0x131; // Part 3, 24.1
    const uint CommandQuote = 0x158; // Part 3, 18.4
    const uint CommandContextLoad = 0x161; // Part 3, 28.3
    const uint CommandContextSave = 0x162; // Part 3, 28.2
    const uint CommandFlushContext = 0x165; // Part 3, 28.4
    const uint CommandReadPublic = 0x173; // Part 3, 12.4
    const uint Endorsement = 0x4000000b; // TPM_RH_ENDORSEMENT, Part 2, 7.4

    /// <summary>A TPM may look long for two primes, when the key is RSA: milliseconds.</summary>
    const int KeyTimeout = 60_000;

    /// <summary>Makes a key of the endorsement hierarchy: from the same template always the same one.</summary>
    /// <param name="template">TPMT_PUBLIC without the key.</param>
    /// <param name="made">Its public part.</param>
    /// <returns>Its handle, to be given back by <see cref="FlushContext"/>.</returns>
    /// <exception cref="TpmException">The TPM refused, or made another key than was asked for.</exception>
    public uint CreatePrimary(ReadOnlySpan<byte> template, out TpmPublic made)
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(Sessions, CommandCreatePrimary);
        _command.Put32(Endorsement);
        PutEmptyPassword();
        _command.PutSized([0, 0, 0, 0]); // TPMS_SENSITIVE_CREATE, Part 2, 11.1.15: no password, no data
        _command.PutSized(template);
        _command.PutSized([]); // outsideInfo
        _command.Put32(0); // creationPCR
        TpmReader body = Run("TPM2_CreatePrimary", KeyTimeout);
        uint handle = body.Take32();
        try
        {
            TpmReader parameters = TakeParameters(ref body);
            made = TpmPublic.Parse(parameters.TakeSized(), Response);
            _ = parameters.TakeSized(); // creationData
            _ = parameters.TakeSized(); // creationHash
            _ = parameters.Take(6); // creationTicket: tag, hierarchy
            _ = parameters.TakeSized();
            RequireName(ref parameters, made);
            return made.IsMadeFrom(template) ? handle : throw parameters.Refuse("is of another key than was asked for");
        }
        catch (TpmException)
        {
            TryFlush(handle);
            throw;
        }
    }

    /// <summary>The public part of a key that is loaded or persistent.</summary>
    public TpmPublic ReadPublic(uint handle)
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(NoSessions, CommandReadPublic);
        _command.Put32(handle);
        TpmReader body = Run("TPM2_ReadPublic");
        TpmPublic key = TpmPublic.Parse(body.TakeSized(), Response);
        RequireName(ref body, key, isLast: false);
        _ = body.TakeSized(); // qualifiedName
        body.End();
        return key;
    }

    /// <summary>Has a key sign what PCRs hold.</summary>
    /// <param name="handle">The key, which needs no password.</param>
    /// <param name="nonce">What whoever asks wants to find in it.</param>
    /// <param name="signature">TPMT_SIGNATURE.</param>
    /// <returns>TPMS_ATTEST.</returns>
    public byte[] Quote(uint handle, ReadOnlySpan<byte> nonce, PcrSelection pcrs, out byte[] signature)
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(Sessions, CommandQuote);
        _command.Put32(handle);
        PutEmptyPassword();
        _command.PutSized(nonce);
        _command.Put16(TpmPublic.AlgorithmNull); // inScheme: the key's own
        pcrs.Write(_command);
        TpmReader body = Run("TPM2_Quote");
        TpmReader parameters = TakeParameters(ref body);
        byte[] message = parameters.TakeSized().ToArray();
        signature = parameters.Rest.ToArray();
        return message;
    }

    /// <summary>What brings a loaded key back later, in this TPM and until it is reset: TPMS_CONTEXT, Part 2, 14.5.</summary>
    public byte[] SaveContext(uint handle)
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(NoSessions, CommandContextSave);
        _command.Put32(handle);
        TpmReader body = Run("TPM2_ContextSave");
        byte[] context = body.Rest.ToArray();
        _ = body.Take(16); // sequence, savedHandle, hierarchy
        _ = body.TakeSized();
        body.End();
        return context;
    }

    /// <returns>Its handle, to be given back by <see cref="FlushContext"/>.</returns>
    public uint LoadContext(ReadOnlySpan<byte> context)
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(NoSessions, CommandContextLoad);
        _command.Put(context);
        TpmReader body = Run("TPM2_ContextLoad");
        uint handle = body.Take32();
        body.End();
        return handle;
    }

    /// <summary>Gives the room of a loaded key back: a TPM has it for three.</summary>
    public void FlushContext(uint handle)
    {
        using Lock.Scope held = _gate.EnterScope();
        Begin(NoSessions, CommandFlushContext);
        _command.Put32(handle);
        Run("TPM2_FlushContext").End();
    }

    /// <summary>After a failure, whose message counts: a TPM that is gone has no key loaded either.</summary>
    public void TryFlush(uint handle)
    {
        try
        {
            FlushContext(handle);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
        }
    }

    /// <summary>The parameters of a response with sessions, behind their size: Part 1, "Response Structure".</summary>
    static TpmReader TakeParameters(ref TpmReader body)
    {
        uint size = body.Take32();
        if (size > body.Rest.Length)
        {
            throw body.Refuse("ends too early");
        }

        return new TpmReader(body.Take((int)size), Response);
    }

    /// <summary>TPM2B_NAME: the TPM and we must mean the same key.</summary>
    static void RequireName(ref TpmReader reader, TpmPublic key, bool isLast = true)
    {
        if (!reader.TakeSized().SequenceEqual(key.Name))
        {
            throw reader.Refuse("names another key than it has");
        }

        if (isLast)
        {
            reader.End();
        }
    }
}
