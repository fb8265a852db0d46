"A strict reader of JSON (RFC 8259), which Julia's standard library has not."
module JSON

mutable struct Reader
    text::String
    at::Int # the next byte
end

"The value that the text holds: objects are Dicts, arrays Vector{Any}."
function parse(text::AbstractString)
    reader = Reader(text, 1)
    value = read_value(reader)
    skip_space(reader)
    reader.at > ncodeunits(reader.text) || fail(reader, "more after the end")
    return value
end

fail(reader, problem) = throw(ArgumentError("JSON, byte $(reader.at): $problem"))

peek(reader) = reader.at <= ncodeunits(reader.text) ? Char(codeunit(reader.text, reader.at)) : '\0'

function skip_space(reader)
    while peek(reader) in (' ', '\t', '\n', '\r')
        reader.at += 1
    end
end

"Whether `text` comes next; if so, it is passed over."
function accept(reader, text)
    startswith(SubString(reader.text, reader.at), text) || return false
    reader.at += ncodeunits(text)
    return true
end

expect(reader, text) = accept(reader, text) || fail(reader, "$(repr(text)) is missing")

const WORDS = ("true" => true, "false" => false, "null" => nothing)

function read_value(reader)
    skip_space(reader)
    next = peek(reader)
    next == '{' && return read_object(reader)
    next == '[' && return read_array(reader)
    next == '"' && return read_string(reader)
    for (word, value) in WORDS
        accept(reader, word) && return value
    end
    return read_number(reader)
end

"Calls `read_item` for each item of a list, from its opening to its closing bracket."
function read_items(read_item, reader, opening, closing)
    expect(reader, opening)
    skip_space(reader)
    accept(reader, closing) && return
    while true
        read_item()
        skip_space(reader)
        accept(reader, closing) && return
        expect(reader, ",")
    end
end

function read_array(reader)
    items = Any[]
    read_items(() -> push!(items, read_value(reader)), reader, "[", "]")
    return items
end

function read_object(reader)
    members = Dict{String,Any}()
    read_items(reader, "{", "}") do
        skip_space(reader)
        name = read_string(reader)
        haskey(members, name) && fail(reader, "$(repr(name)) is there twice")
        skip_space(reader)
        expect(reader, ":")
        members[name] = read_value(reader)
    end
    return members
end

const STRING = r"\G\"((?:[^\"\\\x00-\x1f]|\\[\"\\/bfnrt]|\\u[0-9a-fA-F]{4})*+)\""
const ESCAPE = r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\."
const ESCAPED = Dict('b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t')

"The text of one escape sequence, or of a pair of surrogates."
function unescape(escape)
    escape[2] == 'u' || return string(Base.get(ESCAPED, escape[2], escape[2]))
    digits = (found.captures[1] for found in eachmatch(r"\\u(.{4})", escape))
    codes = [Base.parse(UInt32, code; base = 16) for code in digits]
    length(codes) == 1 && return string(Char(codes[1]))
    return string(Char(0x10000 + (codes[1] - 0xd800) << 10 + (codes[2] - 0xdc00)))
end

function read_string(reader)
    found = match(STRING, reader.text, reader.at)
    found === nothing && fail(reader, "no string, or one that is not well formed")
    reader.at += ncodeunits(found.match)
    return replace(found.captures[1], ESCAPE => unescape)
end

const NUMBER = r"\G-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?"

function read_number(reader)
    found = match(NUMBER, reader.text, reader.at)
    found === nothing && fail(reader, "no value")
    reader.at += ncodeunits(found.match)
    return Base.parse(found.captures == [nothing, nothing] ? Int : Float64, found.match)
end

end
