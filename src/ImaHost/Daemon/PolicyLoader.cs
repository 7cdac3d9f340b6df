using System.Text;
using ImaHost.Appraisal;
using ImaHost.Engine;
using ImaHost.Events;
using ImaHost.Fs;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Puts policies in force while the host runs, all or nothing: what cannot be loaded leaves the old one as it is. Every
/// load is measured.
/// </summary>
sealed class PolicyLoader(
    DaemonOptions options, string storePath, RuntimeMeasurements list, ImaEngine engine, GuardNotice notice, ILogger log)
{
    /// <summary>Asks for the policy in force, as <see cref="PolicyStore"/> writes it.</summary>
    public const string Show = "policy show";

    /// <summary>Asks to load what its data name, one a line; nothing: what is configured.</summary>
    public const string LoadFiles = "policy load";

    readonly Lock _loading = new();
    volatile string? _fault;

    /// <summary>Loads that have begun, and the number of the one that is in force: reading takes some longer than others.</summary>
    long _begun;
    long _newest;

    /// <summary>Why the policy that should be in force is not; null: it is.</summary>
    public string? Fault
    {
        get => _fault;
        init => _fault = value;
    }

    /// <summary>What the published file needs.</summary>
    public PolicyCommands Commands => new(
        () => engine.Policy, ReadNamed, WhyNotWritten,
        () => OpenWriters.Any("policy", PublishedOn()), Accept, message => Logging.PolicyRefused(log, message));

    /// <summary>Loads what is configured once more.</summary>
    public void Reload() => _ = TryLoad([]);

    /// <returns>Null: that is no such request.</returns>
    public string? Answer(ControlRequest request)
    {
        switch (request.Line)
        {
            case Show:
                return PolicyStore.Format(new StoredPolicy(engine.Policy, Fault));
            case LoadFiles:
                string[] entries = Encoding.UTF8.GetString(request.Data).Split('\n', StringSplitOptions.RemoveEmptyEntries);
                string? error = TryLoad(entries);
                return error == null ? $"ok: {engine.Policy.Rules.Count} rules\n" : $"error: {error}\n";
            default:
                return null;
        }
    }

    /// <summary>Mounts have come or gone: rules may be about other filesystems now.</summary>
    public void FollowMounts()
    {
        lock (_loading)
        {
            ImaPolicy resolved = Mounts.Resolve(engine.Policy);
            if (resolved != engine.Policy)
            {
                engine.Policy = resolved;
                _ = notice.SendAndAwait();
            }
        }
    }

    /// <param name="named">What somebody asks for; nothing: what is configured.</param>
    /// <returns>Why not, or null.</returns>
    string? TryLoad(string[] named)
    {
        long number = Interlocked.Increment(ref _begun);
        try
        {
            LoadedPolicy loaded = PolicySources.Load(named.Length > 0 ? named : options.Policy, options);
            if (named.Length > 0 && WantsSignatures && (loaded.Files.Count == 0 || named.Any(BuiltInPolicies.Names.Contains)))
            {
                throw new ConfigurationException("signed policy files are required, and built-in policies are none");
            }

            foreach (LoadedFile file in loaded.Files)
            {
                Admit(file);
            }

            var policy = new ImaPolicy(loaded.Rules, loaded.FailsSecurely);
            lock (_loading)
            {
                if (number < _newest)
                {
                    throw new ConfigurationException("a load that began later is in force already");
                }

                PutInForce(policy);
                _newest = number;
            }

            return null;
        }
        catch (Exception e) when (e is PolicyException or ConfigurationException or IOException or UnauthorizedAccessException)
        {
            Logging.PolicyRefused(log, e.Message);
            return e.Message;
        }
    }

    /// <summary>
    /// What a writer has written. As in the kernel, rules that are appended to a built-in policy take its place
    /// (ima_update_policy).
    /// </summary>
    /// <returns>False when that was refused.</returns>
    bool Accept(PolicyDraft draft, bool append)
    {
        try
        {
            lock (_loading)
            {
                ImaPolicy old = engine.Policy;
                bool extends = append && !old.Rules.All(rule => rule.IsBuiltIn);
                PutInForce(new ImaPolicy(
                    extends ? old.Rules.Concat(draft.Rules) : draft.Rules,
                    draft.FailsSecurely || (extends && old.FailsSecurely)));
            }

            return true;
        }
        catch (Exception e) when (e is ConfigurationException or IOException or UnauthorizedAccessException)
        {
            Logging.PolicyRefused(log, e.Message);
            return false;
        }
    }

    /// <summary>
    /// Under the lock. Saved first: a policy that the next host would not know is not put in force. Nothing in here waits
    /// for a filesystem that somebody has named.
    /// </summary>
    void PutInForce(ImaPolicy policy)
    {
        Launcher.RequirePcrs(list, policy);
        RequireLabels(policy);
        PolicyStore.Save(storePath, new StoredPolicy(policy));
        HostEvents.Policy(list, Launcher.Settings(options), policy.ToString());
        engine.Policy = Mounts.Resolve(policy);
        _fault = null;
        _ = notice.SendAndAwait();
        Logging.PolicyLoaded(log, policy.Rules.Count);
    }

    /// <summary>The filesystem of the published file; null: it cannot be told, as where something is mounted over it.</summary>
    DeviceNumber? PublishedOn() =>
        Mounts.Of(options.Fs, Mounts.Read()) is { } mount && FilesystemTypes.IsOurs(mount.Type) ? mount.Device : null;

    /// <summary>As in the kernel, who writes a path is told at once that its file must not be loaded.</summary>
    LoadedFile ReadNamed(string path)
    {
        LoadedFile file = PolicyFiles.Read(path, PolicySources.Keys(options));
        Admit(file);
        return file;
    }

    /// <summary>The policy that is in force still decides about the files of the next.</summary>
    void Admit(LoadedFile file)
    {
        try
        {
            using HeldFile held = HeldFile.Open(file.Path);
            using var measured = new PolicyFileMeasurement(file, held);
            using var scratch = new Scratch();
            if (engine.ProcessPolicy(measured, scratch) is { } why)
            {
                throw new PolicyException(new PolicyPlace(file.Path), why);
            }
        }
        catch (ErrnoException e)
        {
            throw new PolicyException(new PolicyPlace(file.Path), e.Message);
        }
    }

    void RequireLabels(ImaPolicy policy)
    {
        if (!options.Resolved!.MayLabel && policy.Rules.FirstOrDefault(rule => rule.Action == ImaAction.Hash) is { } rule)
        {
            throw new ConfigurationException(
                $"{rule.Origin}: the action hash writes labels, for which this host was not given the right:"
                + " start it with this policy");
        }
    }

    /// <summary>Rules may come from signed files alone, or from the configuration.</summary>
    bool WantsSignatures => options.PolicyKeys.Count > 0
        || (options.Appraise != AppraiseMode.Off
            && engine.Policy.Rules.Any(rule => rule is { Action: ImaAction.Appraise, Func: ImaHook.PolicyCheck }));

    /// <summary>ima_write_policy: "signed policy file (specified as an absolute pathname) required".</summary>
    string? WhyNotWritten() => WantsSignatures ? "a signed policy file is required: write its absolute path" : null;
}
