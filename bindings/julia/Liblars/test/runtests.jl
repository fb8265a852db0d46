# Needs the repository around it: lars.h, and the conformance cases (LARS_CASES for another file).

using Liblars
using Test

const PACKAGE = dirname(@__DIR__)
const ROOT = normpath(joinpath(PACKAGE, "..", "..", ".."))

include("json.jl")
include("replay.jl")

"Evaluates code in a Julia of its own, with this package: its output, its errors, its success."
function in_new_julia(code; environment...)
    out, err = IOBuffer(), IOBuffer()
    command = `$(Base.julia_cmd()) --project=$PACKAGE --startup-file=no -e $code`
    # Pkg.test narrows the load path to what the tests themselves may use.
    variables = ("JULIA_LOAD_PATH" => nothing, (string(name) => value for (name, value) in environment)...)
    process = withenv(variables...) do
        run(pipeline(ignorestatus(command); stdout = out, stderr = err))
    end
    return (out = String(take!(out)), err = String(take!(err)), success = success(process))
end

"The LarsError that `f` throws."
function error_of(f)
    try
        f()
    catch exception
        exception isa LarsError && return exception
        rethrow()
    end
    error("nothing was thrown")
end

"An optimizer with one parameter, that parameter and its gradient."
function small(T = Float32; settings...)
    weight, gradient = T[1, 2, 3], T[0.1, 0.2, -0.1]
    opt = Optimizer(; learning_rate = 0.5, settings...)
    add_parameter!(opt, "w", weight)
    return opt, weight, gradient
end

passes(_) = 0
passes(set::Test.DefaultTestSet) = set.n_passed + mapreduce(passes, +, set.results; init = 0)

const SUBJECTS = (
    "json", "header", "conformance", "arrays", "callbacks", "optimizer", "tree", "documentation",
)

run_tests() = @testset "Liblars" begin
    @testset "$subject" for subject in SUBJECTS
        include("$(subject)_test.jl")
    end
end

# The summary's last line is for whoever runs many suites in many languages.
try
    println(passes(run_tests()), " passed, 0 failed")
catch exception
    exception isa Test.TestSetException || rethrow()
    println(exception.pass, " passed, ", exception.fail + exception.error, " failed")
    exit(1)
end
