model() = (
    layers = ((weight = Float32[1 2; 3 4], bias = Float32[1, 2]), (weight = Float32[5 6], bias = Float32[3])),
    activation = tanh, scales = [Float32[1, 1], Float32[2]], classes = [1, 2, 3], depth = 2,
)
gradients() = (
    layers = ((bias = Float32[1, -1], weight = Float32[1 0; 0 1]), (weight = Float32[1 1], bias = Float32[1])),
    activation = nothing, scales = [Float32[1, 0], Float32[1]],
)
rule(; settings...) =
    LARS("*.bias" => (trust_ratio_mask = false, learning_rate = 0.25); learning_rate = 0.5, settings...)

@testset "a model of nested tuples" begin
    state = Liblars.setup(rule(momentum = 0.5), model())
    opt = state.optimizer
    @test [Liblars.parameter(opt, i).name for i in 1:Liblars.parameter_count(opt)] ==
        ["layers.1.weight", "layers.1.bias", "layers.2.weight", "layers.2.bias", "scales.1", "scales.2"]
    @test Liblars.parameter(opt, 1).shape == (2, 2)
    @test [Liblars.get(opt, i, :trust_ratio_mask) for i in 1:3] == [1, 0, 1]
    @test Liblars.get(opt, 2, :learning_rate) == 0.25
    @test Liblars.get(opt, 1, :momentum) == 0.5

    network = model()
    again, updated = Liblars.update!(state, network, gradients())
    @test again === state
    @test updated === network
    @test network.layers[1].bias == [0.75, 2.25]
    @test network.layers[1].weight != model().layers[1].weight
    @test network.classes == [1, 2, 3]

    # The same, by names instead of a tree.
    plain = Optimizer(learning_rate = 0.5, momentum = 0.5)
    layer(of) = (of.weight, of.bias)
    arrays(tree) = [layer(tree.layers[1])..., layer(tree.layers[2])..., tree.scales...]
    foreach(i -> add_parameter!(plain, "$i", arrays(model())[i]), 1:6)
    for i in (2, 4), (key, value) in (:trust_ratio_mask => 0, :learning_rate => 0.25)
        set!(plain, key, value; selector = "$i")
    end
    expected = arrays(model())
    step!(plain, expected, arrays(gradients()))
    @test arrays(network) == expected
end

@testset "what is missing" begin
    state = Liblars.setup(rule(), model())
    network = model()
    some = (layers = gradients().layers,)
    error = error_of(() -> Liblars.update!(state, network, some))
    @test error.status === :LARS_ERR_ARGUMENT
    @test startswith(error.message, "there is no gradient of 'scales.1'")
    @test network.layers[1].bias == model().layers[1].bias
    @test error_of(() -> Liblars.setup(LARS("*.bais" => (eps = 1,); learning_rate = 1), model())).status ===
        :LARS_ERR_SELECTOR
    @test error_of(() -> Liblars.setup(LARS(learning_rate = 1), (a = [1im],))).message ==
        "parameter 'a' is of element type Complex{Int64}; the element types are Float32, Float64, Float16, " *
        "Liblars.BFloat16 and those with a method of Liblars.dtype"
end
