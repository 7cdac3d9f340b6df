using ImaHost.Tpm;

namespace ImaHost.Daemon;

/// <summary>Which TPM to use.</summary>
static class Tpms
{
    const string Device = "/dev/tpmrm0";
    const string None = "none";

    /// <summary>The name of the TPM that is configured, or else of the machine's, or else of an emulator of our own.</summary>
    /// <param name="embedded">The emulator, if it is one.</param>
    public static string Choose(DaemonOptions options, out SoftwareTpm? embedded)
    {
        embedded = null;
        if (options.Tpm != null)
        {
            return options.Tpm;
        }

        if (File.Exists(Device))
        {
            return $"device:{Device}";
        }

        embedded = SoftwareTpm.Start(options.State);
        return embedded.Transport;
    }

    /// <returns>Null for "none".</returns>
    /// <exception cref="ConfigurationException">The name is not understood.</exception>
    public static TpmCommands? Open(string name, int timeout)
    {
        try
        {
            return name == None ? null : new TpmCommands(name, timeout);
        }
        catch (FormatException e)
        {
            throw new ConfigurationException(e.Message);
        }
    }
}
