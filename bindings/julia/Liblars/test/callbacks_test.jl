struct Told <: Exception end

@testset "what a function throws is the cause" begin
    opt, w, g = small()
    add_parameter!(opt, "b", Float32, (1,))
    error = error_of(() -> set!(opt, :eps, 1; selector = _ -> throw(Told())))
    @test error.status === :LARS_ERR_CALLBACK
    @test error.cause.ex === Told()
    shown = sprint(showerror, error)
    @test occursin(r"^LARS_ERR_CALLBACK: .*\ncaused by: (.*\.)?Told\(\)"s, shown)
    @test occursin("callbacks_test.jl", shown) # the backtrace
    @test error_of(() -> set!(opt, :eps, 1; selector = _ -> 1)).cause.ex isa TypeError
    @test error_of(() -> set!(opt, :eps, x -> 1; selector = _ -> throw(Told()))).cause.ex === Told()

    set!(opt, :learning_rate, step -> step == 0 ? 0.5 : throw(Told()))
    gradients = (g, Float32[1])
    parameters = (w, Float32[1])
    @test step!(opt, parameters, gradients)
    before = copy(w)
    error = error_of(() -> step!(opt, parameters, gradients))
    @test (error.status, error.cause.ex) === (:LARS_ERR_CALLBACK, Told())
    @test w == before
    @test error_of(() -> Liblars.get(opt, 1, :learning_rate)).cause.ex === Told()
    # Other mistakes have no cause.
    @test error_of(() -> set!(opt, :eps, -1)).cause === nothing
end

@testset "functions as schedules" begin
    schedule = Liblars.Schedule(step -> 1 / (1 + step))
    @test schedule(0) === 1.0
    @test schedule(3) === 0.25
    @test error_of(() -> Liblars.Schedule(_ -> throw(Told()))(0)).cause.ex === Told()
    @test error_of(() -> Liblars.Schedule(_ -> "no number")(0)).cause.ex isa MethodError
    joined = Schedules.join(Schedules.constant(7), 2 => schedule)
    schedule = nothing
    GC.gc()
    @test joined.([1, 2, 5]) == [7, 1, 0.25]
    opt, w, g = small()
    set!(opt, :learning_rate, joined)
    joined = nothing
    GC.gc()
    @test [(step!(opt, [w], [g]); Liblars.get(opt, 1, :learning_rate)) for _ in 1:3] == [7, 1, 0.5]
end

mutable struct Rate <: Function
    value::Float64
end
(rate::Rate)(_) = rate.value

@noinline function set_rate!(opt, key; selector = nothing)
    rate = Rate(0.25)
    set!(opt, key, rate; selector)
    return WeakRef(rate)
end

"A function of its own, so that the test's does not keep what it has looked at."
@noinline is_alive(reference::WeakRef) = reference.value isa Rate

"Twice: what has a finalizer, such as a schedule, keeps what it refers to until that has run."
collect_garbage() = (GC.gc(); GC.gc())

@testset "functions that no parameter can follow any more are let go" begin
    opt, _, _ = small()
    first, other = set_rate!(opt, :eps), set_rate!(opt, :weight_decay)
    part = set_rate!(opt, :eps; selector = "w")
    collect_garbage()
    @test is_alive(first) && is_alive(part)
    @test error_of(() -> set!(opt, :eps, -1)).status === :LARS_ERR_VALUE
    @test Liblars.get(opt, 1, :eps) == 0.25
    second = set_rate!(opt, :eps)
    collect_garbage()
    @test !is_alive(first) && !is_alive(part)
    set!(opt, :eps, 0)
    collect_garbage()
    @test !is_alive(second)
    @test is_alive(other)
    @test Liblars.get(opt, 1, :weight_decay) == 0.25
end

@testset "observers" begin
    opt, w, g = small()
    reports = []
    Liblars.set_observer!(report -> push!(reports, report), opt)
    Liblars.set_nonfinite_policy!(opt, :skip)
    GC.gc()
    @test step!(opt, [w], [g])
    @test !step!(opt, [w], [Float32[NaN, 0, 0]])
    @test [report.skipped for report in reports] == [false, true]
    @test [report.steps for report in reports] == [1, 1]
    @test reports[1].quantities.trust_ratio == Liblars.telemetry(opt, :trust_ratio)
    @test Liblars.skip_count(opt) == (consecutive = 1, total = 1)
    @test Liblars.nonfinite(opt) == (index = 1, parameter_elements = 0, gradient_elements = 1)

    Liblars.set_observer!(_ -> throw(Told()), opt)
    @test (@test_logs (:error, r"observer") step!(opt, [w], [g]))
    Liblars.set_observer!(nothing, opt)
    @test step!(opt, [w], [g])
    @test length(reports) == 2
end

@testset "calls from within a call" begin
    opt, w, g = small()
    Liblars.set_observer!(opt) do _
        @test error_of(() -> step!(opt, [w], [g])).status === :LARS_ERR_BUSY
        @test error_of(() -> close(opt)).status === :LARS_ERR_BUSY
        other, x, y = small()
        @test step!(other, [x], [y])
        GC.gc()
    end
    @test step!(opt, [w], [g])
    @test isopen(opt)
    # Whatever the handle's message is by then: the other call may have ended.
    @test error_of(() -> set!(opt, :momentum, 2)).status === :LARS_ERR_VALUE
    error = error_of(() -> Liblars.check(opt, Int32(Liblars.BUSY)))
    @test error.status === :LARS_ERR_BUSY
    @test startswith(error.message, "another call on this handle is running")
end

@testset "the host's threads" begin
    w, g = rand(Float32, 1 << 20), rand(Float32, 1 << 20)
    results = map((false, true)) do own
        opt = Optimizer(learning_rate = 1)
        add_parameter!(opt, "w", w)
        pieces = Threads.Atomic{Int}(0)
        own && Liblars.set_parallel_for!(opt; threads = 4) do count, task
            Threads.@threads for i in 1:count
                task(i)
                Threads.atomic_add!(pieces, 1)
            end
        end
        copied = copy(w)
        @test step!(opt, [copied], [g])
        @test (pieces[] > 0) == own
        copied
    end
    @test results[1] == results[2]

    opt = Optimizer(learning_rate = 1)
    add_parameter!(opt, "w", w)
    Liblars.set_parallel_for!((count, task) -> throw(Told()), opt; threads = 2)
    error = error_of(() -> step!(opt, [w], [g]))
    @test (error.status, error.cause.ex) === (:LARS_ERR_CALLBACK, Told())
    Liblars.set_parallel_for!(nothing, opt)
    @test step!(opt, [w], [g])

    # A task that is run after its pool has returned does nothing, not even for a later step.
    late = Ref{Any}()
    Liblars.set_parallel_for!((count, task) -> (late[] = task; throw(Told())), opt; threads = 2)
    @test error_of(() -> step!(opt, [w], [g])).status === :LARS_ERR_CALLBACK
    before, unchanged = copy(w), Bool[]
    Liblars.set_parallel_for!(opt; threads = 2) do count, task
        late[](1)
        push!(unchanged, w == before)
    end
    @test step!(opt, [w], [g])
    @test unchanged == [true, true]
    @test w != before
end
