@testset "life" begin
    opt, w, g = small()
    @test sprint(show, opt) == "Optimizer(parameters = 1)"
    @test isopen(opt)
    close(opt)
    close(opt)
    @test !isopen(opt)
    @test sprint(show, opt) == "Optimizer(closed)"
    for call in (opt -> step!(opt, [w], [g]), opt -> set!(opt, :eps, 1), Liblars.save, Liblars.threads)
        @test error_of(() -> call(opt)).message == "this optimizer is closed"
    end
    # Released by the collector, in whatever order.
    for _ in 1:200
        opt, w, g = small(momentum = step -> 0.5)
        step!(opt, [w], [g])
    end
    GC.gc()
end

@testset "settings" begin
    opt, w, g = small(momentum = 0.5, nesterov = true)
    @test Liblars.get(opt, 1, :momentum) == 0.5
    @test Liblars.get(opt, 1, :nesterov) == 1
    set!(opt, :denominator, :gradient)
    @test Liblars.get(opt, 1, :denominator) == 2
    set!(opt, :outside_momentum, :learning_rate)
    @test Liblars.get(opt, 1, :outside_momentum) == 1
    set!(opt, :momentum, 1 // 4; selector = SubString("*x", 1, 1))
    @test Liblars.get(opt, 1, :momentum) == 0.25
    Liblars.set_threads!(opt, 1)
    @test Liblars.threads(opt) == 1
    Liblars.set_gradient_type!(opt, Float16)
    @test Liblars.gradient_type(opt, 1) === Float16
    @test step!(opt, [w], [Float16.(g)])
end

@testset "mistakes" begin
    opt, w, g = small()
    for (status, words, call) in (
        (:LARS_ERR_KEY, "key :rate is unknown; the choices are learning_rate,", () -> set!(opt, :rate, 1)),
        (:LARS_ERR_ARGUMENT, "variant :torhc is unknown", () -> Liblars.set_variant!(opt, :torhc)),
        (:LARS_ERR_ARGUMENT, "denominator :x is unknown", () -> set!(opt, :denominator, :x)),
        (:LARS_ERR_ARGUMENT, "eps :x is unknown", () -> set!(opt, :eps, :x)),
        (:LARS_ERR_VALUE, "", () -> set!(opt, :momentum, 2)),
        (:LARS_ERR_VALUE, "", () -> Optimizer(momentum = 2)),
        (:LARS_ERR_SELECTOR, "", () -> set!(opt, :eps, 1; selector = "*.bais")),
        (:LARS_ERR_INDEX, "index 0 is out of range; indices are 1 to 1", () -> Liblars.norms(opt, 0)),
        (:LARS_ERR_INDEX, "index 2 is out of range; indices are 1 to 1", () -> Liblars.norms(opt, 2)),
        (:LARS_ERR_INDEX, "index -1 is out of range; ", () -> step_parameter!(opt, -1, w, g)),
        (:LARS_ERR_INDEX, "index 1 is out of range; there are no", () -> Liblars.get(Optimizer(), 1, :eps)),
        (:LARS_ERR_NAME, "name 'w' is already taken by parameter 1;", () -> add_parameter!(opt, "w", w)),
        (:LARS_ERR_ARGUMENT, "eps is a String; pass a number", () -> set!(opt, :eps, "x")),
        (:LARS_ERR_SELECTOR, "the selector is a Regex; pass a glob", () -> set!(opt, :eps, 1; selector = r"w")),
        (:LARS_ERR_SELECTOR, "the selector is a Symbol; pass a glob", () -> set!(opt, :eps, 1; selector = :w)),
        (:LARS_ERR_ARGUMENT, "", () -> step!(opt, [w], [g, g])),
        (:LARS_ERR_SHAPE, "gradient of 'w' (index 1) has 1", () -> step!(opt, [w], [Float32[1]])),
        (:LARS_ERR_TYPE, "", () -> step!(opt, [w], [Float64.(g)])),
        (:LARS_ERR_ALIAS, "", () -> step!(opt, [w], [w])),
        (:LARS_ERR_VALUE, "", () -> Schedules.constant(NaN)),
        (:LARS_ERR_CALLBACK, "the schedule has no value at step 4", () -> Liblars.Schedule(_ -> Inf)(4)),
        (:LARS_ERR_IO, "", () -> Liblars.load!(opt, "/no such folder/file")),
    )
        error = error_of(call)
        @test error.status === status
        @test !isempty(error.message)
        @test startswith(error.message, words)
    end
    # What does not fit lars.h's integers, or C's strings, does not get there.
    @test_throws InexactError Liblars.set_accumulation!(opt, 1 << 32)
    @test_throws InexactError Schedules.linear(init_value = 0, end_value = 1, transition_steps = -1)
    @test_throws ArgumentError add_parameter!(opt, "a\0b", w)
    @test w == [1, 2, 3]
end

@testset "many tasks, each with its own optimizer" begin
    results = fetch.([Threads.@spawn begin
        opt, w, g = small(learning_rate = step -> 1 / (1 + step))
        foreach(_ -> (step!(opt, [w], [g]); yield()), 1:100)
        w
    end for _ in 1:8])
    @test all(==(results[1]), results)
end

@testset "one optimizer for all tasks" begin
    opt, w, g = small(momentum = 0.5)
    taken = Threads.Atomic{Int}(0)
    tasks = map(1:8) do _
        Threads.@spawn for _ in 1:200
            call = rand((() -> step!(opt, [w], [g]), () -> set!(opt, :eps, rand()), () -> Liblars.telemetry(opt, :trust_ratio)))
            try
                call() === true && Threads.atomic_add!(taken, 1)
            catch exception
                exception isa LarsError && exception.status === :LARS_ERR_BUSY || rethrow()
            end
        end
    end
    foreach(wait, tasks)
    @test Liblars.step_count(opt) == taken[] > 0

    # Whoever closes it first, it is released once.
    optimizers = [small()[1] for _ in 1:500]
    started = [Threads.Atomic{Int}(0) for _ in optimizers]
    close_all() = for (opt, count) in zip(optimizers, started)
        Threads.atomic_add!(count, 1)
        while count[] < 2 && Threads.nthreads() > 1
            GC.safepoint()
        end
        try
            close(opt)
        catch exception
            exception isa LarsError || rethrow()
        end
    end
    foreach(wait, [Threads.@spawn(close_all()) for _ in 1:2])
    @test !any(isopen, optimizers)
end

@testset "a run that is saved and loaded" begin
    opt, w, g = small(Float16)
    step!(opt, [w], [g])
    other, _, _ = small(Float16)
    Liblars.load!(other, Liblars.save(opt))
    x = copy(w)
    step!(opt, [w], [g])
    step!(other, [x], [g])
    @test w == x
end
