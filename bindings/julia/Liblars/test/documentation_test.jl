const README = read(joinpath(PACKAGE, "README.md"), String)
const BLOCKS = [m.captures for m in eachmatch(r"^```(\w*)\n(.*?)^```$"ms, README)]

@testset "the README's first program prints what it says" begin
    first_of(kind) = first(block for (language, block) in BLOCKS if language == kind)
    program = in_new_julia(first_of("julia"))
    @test program.out == first_of("text")
    @test program.success
end

@testset "every exported name and schedule is documented" begin
    documented(m, name) =
        !startswith(string(Base.Docs.doc(Base.Docs.Binding(m, name))), "No documentation found")
    @test filter(name -> !documented(Liblars, name), names(Liblars)) == []
    constructors = [m.captures[1] for m in eachmatch(r"^LARS_API int32_t lars_schedule_(\w+)\("m, HEADER)]
    functions = setdiff(constructors, ("callback", "value"))
    @test filter(name -> !documented(Schedules, Symbol(name)), functions) == []
end

@testset "without the library" begin
    program = in_new_julia("using Liblars"; LIBLARS_LIBRARY = "/no such folder/liblars.so.0")
    @test !program.success
    @test occursin("liblars could not be loaded", program.err)
    @test occursin("set the environment variable LIBLARS_LIBRARY", program.err)
end

@testset "a library of another interface" begin
    @test Liblars.serves(v"0.1.0") && Liblars.serves(v"0.1.7")
    @test !any(Liblars.serves, (v"0.0.9", v"0.2.0", v"1.0.0"))
    @test Liblars.library_name(false) == "liblars.so.0"
    @test Liblars.library_name(true) == "liblars-0.dll"
    mktempdir() do folder
        source, library = joinpath(folder, "later.c"), joinpath(folder, "liblars.so.0")
        write(source, "const char* lars_version_string(void) { return \"0.2.0\"; }")
        run(`cc -shared -fPIC -Wl,-soname,liblars.so.0 -o $library $source`)
        program = in_new_julia("using Liblars"; LIBLARS_LIBRARY = library)
        @test !program.success
        @test occursin("liblars 0.2.0 was found, but this package needs 0.1.0 or a later", program.err)
    end
end
