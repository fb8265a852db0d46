@test JSON.parse(" {\"a\": [1, -2.5e1, true, null, \"x\"], \"b\": {}, \"c\": []} ") ==
    Dict("a" => Any[1, -25.0, true, nothing, "x"], "b" => Dict(), "c" => [])
@test JSON.parse("12") isa Int
@test JSON.parse("12.0") isa Float64
@test JSON.parse("\"\\\"\\\\\\/\\b\\n\\u00e9\\ud83d\\ude00é\"") == "\"\\/\b\né😀é"
for text in (
    "", "[1,]", "{\"a\" 1}", "{\"a\": 1, \"a\": 2}", "{1: 2}", "01", "+1", ".5", "1.", "nul", "\"",
    "\"\\x\"", "\"\n\"", "[1] 2", "[1", "NaN", "'a'",
)
    @test_throws ArgumentError JSON.parse(text)
end
