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
        (:LARS_ERR_INDEX, "index 1 is out of range", () -> Liblars.norms(opt, 2)),
        (:LARS_ERR_ARGUMENT, "", () -> step!(opt, [w], [g, g])),
        (:LARS_ERR_SHAPE, "", () -> step!(opt, [w], [Float32[1]])),
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
    @test_throws InexactError Liblars.norms(opt, 0)
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
