# The binding's numbers and calls beside lars.h's.

const HEADER = read(joinpath(ROOT, "include", "lars", "lars.h"), String)
const DEFINITION = r"^#define LARS_(\w+) \(?(-?\d+)\)?"m
const DEFINED = Dict(m.captures[1] => parse(Int, m.captures[2]) for m in eachmatch(DEFINITION, HEADER))

"lars.h's numbers of this prefix. OUTSIDE_MOMENTUM is the key, and a count is no choice."
numbers(prefix) = sort([
    number for (name, number) in DEFINED
    if startswith(name, prefix) && name != "OUTSIDE_MOMENTUM" && !endswith(name, "_COUNT")
])

for group in (:DENOMINATOR, :OUTSIDE, :VARIANT, :NONFINITE, :ROLE, :TELEMETRY, :INTERPOLATE)
    choices = getfield(Liblars, group)
    for (word, number) in pairs(choices)
        @test DEFINED["$(group)_$(uppercase(string(word)))"] == number
    end
    @test sort(collect(values(choices))) == numbers("$(group)_")
end
for (word, number) in pairs(Liblars.KEYS)
    @test DEFINED[uppercase(string(word))] == number
end
@test Set(values(Liblars.KEYS)) == Set(1:DEFINED["CLIP_VALUE"])
for (name, T) in ("F16" => Float16, "F32" => Float32, "F64" => Float64, "I16" => Int16)
    @test Liblars.dtype(T) == DEFINED[name]
end
@test Liblars.dtype(Liblars.BFloat16) == DEFINED["BF16"]

@testset "every function is called" begin
    source = join(read(file, String) for file in readdir(joinpath(PACKAGE, "src"); join = true))
    functions = [m.captures[1] for m in eachmatch(r"^LARS_API .*?\b(lars_\w+)\("m, HEADER)]
    @test length(functions) > 70
    # lars_version says in a number what lars_version_string says.
    @test filter(name -> !occursin("liblars.$name(", source), functions) == ["lars_version"]
end

@test Liblars.version() >= v"0.1"
# The binding needs the interface that it comes with.
@test (Liblars.INTERFACE.major, Liblars.INTERFACE.minor) == (DEFINED["VERSION_MAJOR"], DEFINED["VERSION_MINOR"])
@test occursin("\nversion = \"$(Liblars.INTERFACE)\"", read(joinpath(PACKAGE, "Project.toml"), String))
