struct OwnBFloat16
    bits::UInt16
end
Liblars.dtype(::Type{OwnBFloat16}) = Liblars.dtype(Liblars.BFloat16)

"One step of `weight` with `gradient`, in a new optimizer; the weights as a vector."
function stepped(weight, gradient)
    opt = Optimizer(learning_rate = 0.5, weight_decay = 0.01)
    add_parameter!(opt, "w", weight)
    @test step!(opt, (weight,), (gradient,))
    return vec(collect(weight))
end

@testset "shapes and containers" begin
    w, g = Float32[1 2 3; 4 5 6], Float32[1 0 1; 0 1 0]
    expected = stepped(vec(copy(w)), vec(g))
    @test expected != vec(w)
    @test stepped(copy(w), g) == expected
    @test stepped(reshape(copy(w), 3, 1, 2), reshape(g, 3, 1, 2)) == expected
    wide = zeros(Float32, 2, 5)
    wide[:, 2:4] = w
    @test stepped(view(wide, :, 2:4), g) == expected
    @test wide[:, [1, 5]] == zeros(2, 2)
    @test stepped(reinterpret(Float32, collect(reinterpret(UInt8, vec(w)))), g) == expected
    for container in ([w], Any[w], (w,), (weight = w,))
        opt = Optimizer(learning_rate = 0.5, weight_decay = 0.01)
        add_parameter!(opt, "w", w)
        copied = map(copy, container)
        @test step!(opt, copied, (g,))
        @test vec(first(copied)) == expected
    end
end

@testset "element types" begin
    exact = stepped([1.0, 2.0], [0.5, -0.5])
    @test stepped(Float32[1, 2], Float32[0.5, -0.5]) ≈ exact
    @test stepped(Float16[1, 2], Float16[0.5, -0.5]) ≈ exact rtol = 1e-3
    bfloat16(x) = UInt16(reinterpret(UInt32, Float32(x)) >> 16)
    for T in (Liblars.BFloat16, OwnBFloat16)
        found = stepped(T.(bfloat16.([1, 2])), T.(bfloat16.([0.5, -0.5])))
        @test Float32.(Liblars.BFloat16.(getfield.(found, :bits))) ≈ exact rtol = 1e-2
    end
    @static if isdefined(Core, :BFloat16)
        found = stepped(reinterpret.(Core.BFloat16, bfloat16.([1, 2])), reinterpret.(Core.BFloat16, bfloat16.([0.5, -0.5])))
        @test Float32.(Liblars.BFloat16.(reinterpret.(UInt16, found))) ≈ exact rtol = 1e-2
    end
    opt = Optimizer()
    Liblars.add_parameter!(opt, "half", OwnBFloat16, (2,))
    @test Liblars.parameter(opt, 1).eltype === Liblars.BFloat16
    error = error_of(() -> add_parameter!(opt, "complex", ComplexF32, (2,)))
    @test error.status === :LARS_ERR_TYPE
    @test startswith(error.message, "parameter 'complex' is of element type ")
end

@testset "arrays that are not dense are refused by name" begin
    opt, w, g = small()
    even = view(zeros(Float32, 6), 1:2:5)
    for (array, words) in (
        even => "gradient 1 is not contiguous",
        view(zeros(Float32, 2, 3), 1, :) => "gradient 1 is not contiguous",
        PermutedDimsArray(zeros(Float32, 3, 1), (2, 1)) => "gradient 1 is a PermutedDimsArray",
        transpose(zeros(Float32, 3)) => "gradient 1 is a ",
        1.0f0:3.0f0 => "gradient 1 is a StepRangeLen",
        nothing => "gradient 1 is a Nothing",
        zeros(Int32, 3) => "gradient 1 is of element type Int32",
    )
        error = error_of(() -> step!(opt, (w,), (array,)))
        @test error.status in (:LARS_ERR_ARGUMENT, :LARS_ERR_TYPE)
        @test startswith(error.message, words)
    end
    @test error_of(() -> step_flat!(opt, even, g)).message ==
        "parameter is not contiguous; pass a dense array, such as copy makes"
    @test w == [1, 2, 3]
    # These hold their elements without gaps, whatever their strides.
    wide = zeros(Float32, 3, 2)
    for dense in (view(wide, :, 2), view(wide, 1:3, 1:1), zeros(Float32, 1, 3, 1))
        @test step!(opt, (w,), (dense,))
    end
    opt = Optimizer(learning_rate = 1)
    add_parameter!(opt, "empty", Float32, (0, 4))
    @test step!(opt, [zeros(Float32, 0, 4)], [view(zeros(Float32, 4, 8), 4:3, 1:2:8)])
end

@test_throws MethodError step!(small()[1], (x for x in (1, 2)), (3,))
