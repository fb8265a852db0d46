const CASES = get(ENV, "LARS_CASES", joinpath(ROOT, "tests", "conformance", "cases.json"))
const FILE = JSON.parse(read(CASES, String))

@test FILE["format"] == 1
for kernels in ("reference", "auto"), case in FILE["cases"]
    @testset "$(case["name"]), $kernels" begin
        withenv("LARS_KERNELS" => kernels) do
            player = Replay.Player(case["arrays"])
            for call in case["calls"]
                outcome, expected = Replay.play(player, call), Replay.expected(call)
                Replay.same(outcome, expected) || @error "another outcome" call["call"] outcome expected
                @test Replay.same(outcome, expected)
            end
        end
    end
end
println(length(FILE["cases"]), " conformance cases were replayed, with two kinds of kernels")
