using System.Text.Json;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>The tokens of a JSON text, one at a time, however long the text is.</summary>
sealed class JsonTokens(Stream content, string file)
{
    /// <summary>A longer token is refused.</summary>
    const int MostBytes = 64 * 1024;

    readonly byte[] _buffer = new byte[2 * MostBytes];
    readonly byte[] _unescaped = new byte[MostBytes];
    JsonReaderState _state;
    int _start;
    int _end;
    int _counted;
    bool _isAtEnd;
    ReadOnlyMemory<byte> _text;
    long _line = 1;
    long _column = 1;

    public JsonTokenType Type { get; private set; }

    /// <summary>Where the token stands, both from 1.</summary>
    public (long Line, long Column) Place { get; private set; } = (1, 1);

    /// <summary>Of a string or a name; good until the next token is read.</summary>
    public ReadOnlySpan<byte> Text => _text.Span;

    /// <summary>Of a number that is whole; else 0.</summary>
    public int Number { get; private set; }

    /// <returns>False: the text is over.</returns>
    /// <exception cref="PolicyException">It is damaged.</exception>
    public bool Read()
    {
        try
        {
            for (;;)
            {
                var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _isAtEnd, _state);
                if (reader.Read())
                {
                    Take(ref reader);
                    return true;
                }

                if (_isAtEnd)
                {
                    return false;
                }

                Pass(ref reader);
                Fill();
            }
        }
        catch (JsonException e)
        {
            // The message has some of the text in it.
            string message = ListDraft.Show(e.Message.Split(" LineNumber:")[0]);
            throw Refuse(((e.LineNumber ?? 0) + 1, (e.BytePositionInLine ?? 0) + 1), $"what is here is not JSON: {message}");
        }
        catch (InvalidOperationException)
        {
            throw Refuse(Place, "an escaped character that is none");
        }
    }

    /// <summary>The next token, which must be of that type.</summary>
    /// <exception cref="PolicyException">It is another.</exception>
    public void Expect(JsonTokenType type, string what)
    {
        if (!Read() || Type != type)
        {
            throw Refuse(Place, $"{what} is expected here");
        }
    }

    /// <summary>Passes by the next value, whatever it is.</summary>
    /// <returns>There is something in it.</returns>
    public bool Skip()
    {
        _ = Read();
        if (Type is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
        {
            return Type == JsonTokenType.String && !Text.IsEmpty;
        }

        int tokens = 0;
        for (int depth = 1; depth > 0 && Read(); tokens++)
        {
            depth += Type is JsonTokenType.StartArray or JsonTokenType.StartObject ? 1
                : Type is JsonTokenType.EndArray or JsonTokenType.EndObject ? -1 : 0;
        }

        return tokens > 1;
    }

    public PolicyException Refuse((long Line, long Column) place, string why) =>
        new(new PolicyPlace(file, place.Line, place.Column), why);

    void Take(ref Utf8JsonReader reader)
    {
        Type = reader.TokenType;
        int token = (int)reader.TokenStartIndex;
        CountTo(_start + token);
        Place = (_line, _column);
        Number = Type == JsonTokenType.Number && reader.TryGetInt32(out int number) ? number : 0;
        bool isText = Type is JsonTokenType.String or JsonTokenType.PropertyName;
        if (isText && reader.ValueSpan.Length > MostBytes)
        {
            throw Refuse(Place, $"a text longer than {MostBytes} bytes");
        }

        // A text stands behind its quote.
        _text = !isText ? default
            : reader.ValueIsEscaped ? _unescaped.AsMemory(0, reader.CopyString(_unescaped))
            : _buffer.AsMemory(_start + token + 1, reader.ValueSpan.Length);
        Pass(ref reader);
    }

    void Pass(ref Utf8JsonReader reader)
    {
        CountTo(_start + (int)reader.BytesConsumed);
        _start += (int)reader.BytesConsumed;
        _state = reader.CurrentState;
    }

    void CountTo(int position)
    {
        ReadOnlySpan<byte> passed = _buffer.AsSpan(_counted, position - _counted);
        int last = passed.LastIndexOf((byte)'\n');
        _line += passed.Count((byte)'\n');
        _column = last < 0 ? _column + passed.Length : passed.Length - last;
        _counted = position;
    }

    void Fill()
    {
        int rest = _end - _start;
        if (rest == _buffer.Length)
        {
            throw Refuse((_line, _column), $"a text longer than {MostBytes} bytes");
        }

        _buffer.AsSpan(_start, rest).CopyTo(_buffer);
        _start = _counted = 0;
        int got = content.Read(_buffer.AsSpan(rest));
        _end = rest + got;
        _isAtEnd = got == 0;
    }
}
