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

    # What an observer throws is thrown once the step is done, Ctrl-C's exception, too.
    for exception in (Told(), InterruptException())
        Liblars.set_observer!(_ -> throw(exception), opt)
        before, steps = copy(w), Liblars.step_count(opt)
        error = error_of(() -> step!(opt, [w], [g]))
        @test (error.status, error.cause.ex) === (:LARS_ERR_CALLBACK, exception)
        @test startswith(error.message, "the step is done, but")
        @test w != before
        @test Liblars.step_count(opt) == steps + 1
        @test error_of(() -> Liblars.Schedule(_ -> Inf)(4)).cause === nothing
    end
    Liblars.set_observer!(nothing, opt)
    @test step!(opt, [w], [g])
    @test length(reports) == 2
end

@testset "calls from within a call" begin
    opt, w, g = small()
    Liblars.set_observer!(opt) do _
        @test error_of(() -> step!(opt, [w], [g])).status === :LARS_ERR_BUSY
        error = error_of(() -> close(opt))
        @test error.status === :LARS_ERR_BUSY
        @test startswith(error.message, "another call on this optimizer is running")
        other, x, y = small()
        @test step!(other, [x], [y])
        GC.gc()
    end
    @test step!(opt, [w], [g])
    @test isopen(opt)
    # Whatever the handle's message is by then: the other call may have ended.
    @test error_of(() -> set!(opt, :momentum, 2)).status === :LARS_ERR_VALUE
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

@testset "what a pool throws in a later pass is not lost" begin
    w, g = rand(Float32, 1 << 20), rand(Float32, 1 << 20)
    opt = Optimizer(learning_rate = 1)
    add_parameter!(opt, "w", w)
    passes = 0
    Liblars.set_parallel_for!(opt; threads = 2) do count, task
        passes += 1
        passes == 2 && throw(Told())
        foreach(task, 1:count)
    end
    error = error_of(() -> step!(opt, [w], [g]))
    @test error.cause.ex === Told()
    @test startswith(error.message, "the step is done, but")
    @test (passes, Liblars.step_count(opt)) === (2, 1)
    @test error_of(() -> Liblars.Schedule(_ -> Inf)(4)).cause === nothing
end

@testset "calls within a callback do not find what waits for the outer one" begin
    opt, w, g = small()
    inner, v, h = small()
    add_parameter!(opt, "large", Float32, (1 << 20,))
    large = rand(Float32, 1 << 20)
    passes = 0
    Liblars.set_parallel_for!(opt; threads = 2) do count, task
        passes += 1
        passes == 2 && throw(Told())
        foreach(task, 1:count)
    end
    steps = Bool[]
    Liblars.set_observer!(_ -> push!(steps, step!(inner, [v], [h])), opt)
    @test error_of(() -> step!(opt, [w, large], [g, copy(large)])).cause.ex === Told()
    @test steps == [true]
end

@testset "arrays that a function takes out of their container stay until the step ends" begin
    w, g = [ones(Float32, 1 << 20)], [ones(Float32, 1 << 20)]
    before = WeakRef(w[1])
    opt = Optimizer(learning_rate = 1)
    add_parameter!(opt, "w", w[1])
    Liblars.set_threads!(opt, 1)
    alive = Bool[]
    set!(opt, :learning_rate, step -> (w[1] = Float32[]; GC.gc(); push!(alive, before.value !== nothing); 1.0))
    @test step!(opt, w, g)
    @test alive == [true]
end

struct Decay # called as a function, but no Function
    start::Float64
end
(decay::Decay)(step) = decay.start / (1 + step)
struct Few
    most::Int
end
(few::Few)(parameter::Liblars.Parameter) = length(parameter.shape) <= few.most

@testset "objects that are called as functions" begin
    opt, w, g = small()
    set!(opt, :learning_rate, Decay(2))
    set!(opt, :momentum, 0.25; selector = Few(1))
    step!(opt, [w], [g])
    @test Liblars.get(opt, 1, :learning_rate) == 1
    @test Liblars.get(opt, 1, :momentum) == 0.25
end
