using System.Globalization;
using System.Text.Json;
using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// Reads a runtime policy of Keylime (version 1): what it holds under "digests", each bound to its path, of which one
/// may have several. Names without "/" in front (boot_aggregate) are no files. What else it holds is for a verifier.
/// </summary>
sealed class KeylimePolicyReader
{
    const string NotHeeded = "not heeded here";

    readonly JsonTokens _tokens;
    readonly ListDraft _draft;
    readonly SortedSet<string> _unheeded = new(StringComparer.Ordinal);
    long _weak;

    KeylimePolicyReader(Stream content, ListDraft draft)
    {
        _tokens = new JsonTokens(content, draft.File);
        _draft = draft;
    }

    /// <exception cref="PolicyException">It is not understood.</exception>
    public static void Read(Stream content, ListDraft draft) => new KeylimePolicyReader(content, draft).ReadPolicy();

    void ReadPolicy()
    {
        _tokens.Expect(JsonTokenType.StartObject, "a runtime policy of Keylime, which is an object,");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (_tokens.Read() && _tokens.Type == JsonTokenType.PropertyName)
        {
            string key = ListDraft.Show(_tokens.Text);
            if (!seen.Add(key))
            {
                throw _tokens.Refuse(_tokens.Place, $"\"{key}\" is given twice");
            }

            ReadMember(key);
        }

        if (!seen.Contains("digests"))
        {
            throw _tokens.Refuse(_tokens.Place, "no \"digests\": this is no runtime policy of Keylime");
        }

        _ = _tokens.Read();
        _draft.Source = _draft.Source with { Note = Note() };
    }

    void ReadMember(string key)
    {
        if (key == "digests")
        {
            ReadDigests();
        }
        else if (key == "meta")
        {
            ReadMeta();
        }
        else if (_tokens.Skip() && key is "excludes" or "keyrings" or "ima-buf" or "verification-keys")
        {
            _ = _unheeded.Add(key);
        }
    }

    void ReadMeta()
    {
        _tokens.Expect(JsonTokenType.StartObject, "an object");
        while (_tokens.Read() && _tokens.Type == JsonTokenType.PropertyName)
        {
            if (!_tokens.Text.SequenceEqual("version"u8))
            {
                _ = _tokens.Skip();
                continue;
            }

            _tokens.Expect(JsonTokenType.Number, "a number");
            if (_tokens.Number != 1)
            {
                throw _tokens.Refuse(_tokens.Place, "a version that is not known here; 1 is");
            }
        }
    }

    void ReadDigests()
    {
        _tokens.Expect(JsonTokenType.StartObject, "an object of paths, each with a list of digests,");
        byte[] path = new byte[PathTag.MostPathBytes];
        while (_tokens.Read() && _tokens.Type == JsonTokenType.PropertyName)
        {
            if (_tokens.Text.Length >= path.Length)
            {
                throw _tokens.Refuse(_tokens.Place, $"a path longer than {path.Length} bytes");
            }

            _tokens.Text.CopyTo(path);
            int length = _tokens.Text.Length;
            if (length == 0 || path[0] != '/')
            {
                _ = _tokens.Skip();
                continue;
            }

            _draft.Claim(_tokens.Place, path.AsSpan(0, length), 0, default);
            ReadDigestsOf(path.AsSpan(0, length));
        }
    }

    void ReadDigestsOf(ReadOnlySpan<byte> path)
    {
        _tokens.Expect(JsonTokenType.StartArray, "a list of digests");
        Span<byte> digest = stackalloc byte[HashAlgorithm.MaxSize];
        while (_tokens.Read() && _tokens.Type != JsonTokenType.EndArray)
        {
            if (_tokens.Type != JsonTokenType.String)
            {
                throw _tokens.Refuse(_tokens.Place, "a digest is expected here");
            }

            int digits = _tokens.Text.Length;
            if (digits == 2 * HashAlgorithm.Sha1.Size)
            {
                _weak++;
                continue;
            }

            HashAlgorithm algorithm = ListedAlgorithms.OfHexLength(digits)
                ?? throw _tokens.Refuse(_tokens.Place, ListedAlgorithms.WhyNot(digits));
            if (!ListedAlgorithms.TryParse(_tokens.Text, algorithm, digest))
            {
                throw _tokens.Refuse(_tokens.Place, $"\"{ListDraft.Show(_tokens.Text)}\" is no digest of {algorithm}");
            }

            _draft.Add(new ListedDigest
            {
                Place = _tokens.Place,
                Kind = new DigestKind(algorithm, IsVerity: false),
                Bytes = digest[..algorithm.Size],
                Path = path,
                Binding = PathBinding.Exact,
            });
        }
    }

    /// <summary>What somebody might think is in force.</summary>
    string? Note()
    {
        string members = string.Join(", ", _unheeded);
        string weak = string.Create(CultureInfo.InvariantCulture, $"{_weak} sha1 digests, which are too weak,");
        return (_unheeded.Count, _weak) switch
        {
            (0, 0) => null,
            (0, _) => $"{weak} are {NotHeeded}",
            (_, 0) => $"its {members} are {NotHeeded}",
            _ => $"its {members} and {weak} are {NotHeeded}",
        };
    }
}
