using System.Globalization;
using System.Text.Json;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Daemon;

/// <summary>
/// Starts the service: checks everything that can be wrong while nothing is watched yet, so that no mistake in a
/// configuration can hold up the machine, and then becomes the guard, which starts the host.
/// </summary>
static class Launcher
{
    /// <summary>Names the variable that carries the options to the hosts.</summary>
    public const string OptionsVariable = "IMAHOST_OPTIONS";

    /// <summary>Does not return: this process becomes the guard.</summary>
    /// <exception cref="ConfigurationException">Something is wrong with the options or the machine.</exception>
    public static void Launch(DaemonOptions options)
    {
        options = options with { State = Path.GetFullPath(options.State), Fs = Path.GetFullPath(options.Fs) };
        Validate(options);
        string guard = GuardProgram.Find();
        var state = new StateDirectory(options.State);
        if (!ProcessImage.TryLock(StateDirectory.LockIn(options.State)))
        {
            throw new ConfigurationException($"another imahost uses {options.State}: stop it, or choose another --state");
        }

        StoredPolicy stored = PolicySources.LoadAtStart(options, state.PolicyPath);
        ImaPolicy policy = stored.Policy;
        Vouchers vouchers = VoucherLoader.Load(options, out IReadOnlyList<string> refused);
        foreach (string warning in refused)
        {
            Console.Error.WriteLine($"imahost: {warning}");
        }

        EnforceCheck.Require(options, policy, vouchers, guard);
        var selection = new WatchSelection(options.Watch);
        string[] watched = [.. selection.Paths.Select(Mounts.Describe), .. selection.Selectors];
        uint readers = FindListGroup(options.ListGroup);
        string tpm = Tpms.Choose(options, out SoftwareTpm? embedded);
        try
        {
            var resolved = new ResolvedEnvironment(
                tpm, [], embedded != null, watched, MayLabel(options, policy), readers);
            options = BeginList(options with { Resolved = resolved }, state, policy);
            PolicyStore.Save(state.PolicyPath, stored);
            options = options with { Resolved = options.Resolved! with { WithoutBpf = CodeGates.Load(options, guard) } };
        }
        catch
        {
            embedded?.StopIfNew();
            throw;
        }

        var variables = new Dictionary<string, string>
        {
            [OptionsVariable] = JsonSerializer.Serialize(options, DaemonOptionsJson.Default.DaemonOptions),
        };
        ProcessImage.Replace(guard, [.. GuardProgram.Arguments(options, embedded), "--", Environment.ProcessPath!, "daemon"], variables);
    }

    /// <summary>Opens the list once before anything is watched: a TPM or a disk that refuses is found here.</summary>
    static DaemonOptions BeginList(DaemonOptions options, StateDirectory state, ImaPolicy policy)
    {
        ResolvedEnvironment resolved = options.Resolved!;
        using TpmCommands? tpm = Tpms.Open(resolved.Tpm, options.TpmTimeout);
        List<HashAlgorithm> banks = tpm?.ReadBanks() ?? [];
        if (tpm != null && banks.Count == 0)
        {
            throw new ConfigurationException($"{resolved.Tpm} has no PCR bank that is known here: allocate sha256");
        }

        foreach (ushort bank in tpm?.UnknownBanks ?? [])
        {
            Console.Error.WriteLine(
                $"imahost: the bank 0x{bank:x4} of {resolved.Tpm} is not extended, OpenSSL has no such hash: do not let a"
                + " verifier rely on it");
        }

        options = options with { Resolved = resolved with { Banks = [.. banks.Select(bank => bank.Name)] } };
        ListSettings settings = Settings(options);
        using RuntimeMeasurements list = ListStore.Begin(
            state, tpm, settings, ProductVersion.Text, said => Console.Error.WriteLine($"imahost: {said}"));
        RequirePcrs(list, policy);
        HostEvents.Start(list, settings, Describe(options));
        HostEvents.Policy(list, settings, policy.ToString());
        if (list.Fault is { } fault)
        {
            throw new ConfigurationException(fault);
        }

        return options with { Resolved = options.Resolved! with { Key = tpm == null ? null : TryMakeKey(list) } };
    }

    /// <summary>A TPM looks long for the primes of an RSA key, and whoever wants an entry then waits: so it does now.</summary>
    static MadeKey? TryMakeKey(RuntimeMeasurements list)
    {
        try
        {
            return new ListQuotes(list).PrepareKey();
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            Console.Error.WriteLine($"imahost: nothing is quoted, and segments are sealed without a signature: {e.Message}");
            return null;
        }
    }

    /// <summary>A rule's pcr= must be one that nothing else extends, or the list would never replay.</summary>
    /// <exception cref="ConfigurationException">It is not.</exception>
    public static void RequirePcrs(RuntimeMeasurements list, ImaPolicy policy)
    {
        foreach (ImaRule rule in policy.Rules)
        {
            if (rule.Pcr is { } pcr && !list.MayUse(pcr, out string why))
            {
                throw new ConfigurationException($"{rule.Origin}: pcr={pcr} cannot be used: {why}");
            }
        }
    }

    static uint FindListGroup(string? group) => group == null ? 0
        : uint.TryParse(group, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) ? id
        : UserNames.FindGroup(group) ?? throw new ConfigurationException(
            $"list_group: there is no group \"{group}\": make it (groupadd --system {group}), or name another");

    static bool MayLabel(DaemonOptions options, ImaPolicy policy) =>
        options.Appraise == Appraisal.AppraiseMode.Fix || policy.Rules.Any(rule => rule.Action == ImaAction.Hash);

    /// <summary>The same for the same configuration, so that a verifier can expect it.</summary>
    static string Describe(DaemonOptions options) =>
        $"version={ProductVersion.Text}\nwatch={string.Join(",", options.Resolved!.Watched)}\n"
        + $"appraise={Words.Name(options.Appraise)}\nhash={options.Hash}\ntemplate={options.Template}\n";

    public static ListSettings Settings(DaemonOptions options) => new(
        [.. options.Resolved!.Banks.Select(name => HashAlgorithm.FromName(name)!)],
        options.Pcr, ImaHash(options), Template(options), options.Resolved.IsEmbeddedTpm,
        options.AttestationKey)
    {
        Limits = options.Log.Limits,
        MadeKey = options.Resolved.Key,
    };

    public static HashAlgorithm ImaHash(DaemonOptions options) =>
        HashAlgorithm.FromName(options.Hash)
        ?? throw new ConfigurationException(
            $"\"{options.Hash}\" is no hash that is known here: {string.Join(", ", HashAlgorithm.All)}");

    public static TemplateDescriptor Template(DaemonOptions options) =>
        TemplateDescriptor.Find(options.Template)
        ?? throw new ConfigurationException(
            $"\"{options.Template}\" is no template: {string.Join(", ", TemplateDescriptor.Names)}, or fields with | between"
            + $" them ({string.Join(", ", TemplateField.All.Select(field => field.Id))})");

    static void Validate(DaemonOptions options)
    {
        if (options.Watch.Count == 0)
        {
            throw new ConfigurationException("nothing to watch: give --watch PATH, or watch: in imahost.yaml");
        }

        ValidatePaths(options);

        if (!Environment.IsPrivilegedProcess)
        {
            throw new ConfigurationException("needs root: fanotify permission events ask for CAP_SYS_ADMIN");
        }

        if (MountNamespace.IsPrivate())
        {
            throw new ConfigurationException(
                $"this is a mount namespace of its own: nobody else would see the list at {options.Fs}, and what is mounted"
                + " elsewhere would not be followed. Under systemd take PrivateTmp=, ProtectSystem=, PrivateMounts= and the like"
                + " out of the unit; in a container run it on the machine itself");
        }

        RequireSocket("measure_socket", options.MeasureSocket);
        RequireSocket("metrics_socket", options.MetricsSocket);
        if (options.MetricsFile is { } file && !(Path.IsPathRooted(file) && Directory.Exists(Path.GetDirectoryName(file))))
        {
            throw new ConfigurationException($"metrics_file: {file} is no absolute path in a directory that is there");
        }

        _ = ImaHash(options);
        _ = Template(options);
    }

    static void RequireSocket(string key, string? path)
    {
        if (path != null && ControlSocket.WhyNotAt(path) is { } why)
        {
            throw new ConfigurationException($"{key}: {path} {why}");
        }
    }

    static void ValidatePaths(DaemonOptions options)
    {
        WatchSelection selection = ParseWatch(options);
        List<string> paths = selection.Paths;
        List<Mount> mounts = Mounts.Read();
        paths.ForEach(path => RequireNoServer(path, mounts));
        if (paths.Find(path => !Path.Exists(path)) is { } missing)
        {
            throw new ConfigurationException($"cannot watch {missing}: there is no such file or directory");
        }

        string? below = paths.Select(Path.GetFullPath)
            .FirstOrDefault(path => path == options.Fs || path.StartsWith(options.Fs + "/", StringComparison.Ordinal));
        if (below != null)
        {
            throw new ConfigurationException($"cannot watch {below}: it is where the list is published (--fs)");
        }

        RequireNoLayers(selection, mounts);
    }

    /// <summary>Before anything else is asked of the path, which would wait for the server too.</summary>
    static void RequireNoServer(string path, List<Mount> mounts)
    {
        if (Mounts.Of(path, mounts) is { } mount && FilesystemTypes.IsServed(mount.Type))
        {
            throw new ConfigurationException(
                $"cannot watch {path}: {mount.Place} is {mount.Type}: {FilesystemTypes.WhyNever(mount.Type)}");
        }
    }

    /// <summary>
    /// The guard opens the file of each event. Of an overlay that opens a file of a layer, whose event nobody would read
    /// while the guard waits for it.
    /// </summary>
    static void RequireNoLayers(WatchSelection selection, List<Mount> mounts)
    {
        List<Mount> named = [.. selection.Paths.Select(path => Mounts.Of(path, mounts)).OfType<Mount>()];
        Mount? stacked = named.Find(mount => FilesystemTypes.IsStacked(mount.Type));
        if (stacked != null && (selection.Selectors.Count > 0 || named.Exists(mount => mount.Device != stacked.Device)))
        {
            throw new ConfigurationException(
                $"cannot watch {stacked.Place} together with others: on this kernel an {stacked.Type} raises the events of"
                + " its layers too, and the guard would wait for itself; watch the filesystems of the layers instead");
        }
    }

    static WatchSelection ParseWatch(DaemonOptions options)
    {
        try
        {
            return new WatchSelection(options.Watch);
        }
        catch (FormatException e)
        {
            throw new ConfigurationException($"--watch: {e.Message}");
        }
    }
}
