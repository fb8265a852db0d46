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

@testset "parameters without gradients are left alone" begin
    state = Liblars.setup(rule(momentum = 0.5), model())
    network, other = model(), model()
    some = (layers = ((weight = nothing, bias = Float32[1, -1]), (weight = Float32[1 1], bias = Float32[1])),)
    Liblars.update!(state, network, some)
    @test network.layers[1].weight == model().layers[1].weight
    @test network.scales == model().scales
    @test network.layers[1].bias == [0.75, 2.25]
    @test [Liblars.step_count(state.optimizer, i) for i in 1:6] == [0, 1, 1, 1, 0, 0]
    # Nothing is written if one of them does not fit.
    wrong = (layers = (some.layers[1], (weight = Float32[1 1 1], bias = Float32[1])),)
    @test error_of(() -> Liblars.update!(state, network, wrong)).status === :LARS_ERR_SHAPE
    @test network.layers[1].bias == [0.75, 2.25]
    # The others are stepped as they would be with all.
    whole = Liblars.setup(rule(momentum = 0.5), model())
    Liblars.update!(whole, other, gradients())
    @test network.layers[2] == other.layers[2]
    Liblars.update!(state, network, nothing)
    @test Liblars.step_count(state.optimizer, 2) == 1
end

@testset "arrays that are tied" begin
    tied = Float32[1, 2]
    network = (embedding = tied, middle = [Float32[3]], head = tied)
    state = Liblars.setup(LARS(learning_rate = 0.5), network)
    @test Liblars.parameter_count(state.optimizer) == 2
    Liblars.update!(state, network, (embedding = Float32[1, 0], middle = [Float32[1]], head = Float32[1, 2]))
    opt, w = Optimizer(learning_rate = 0.5), Float32[1, 2]
    add_parameter!(opt, "w", w)
    step!(opt, [w], [Float32[2, 2]])
    @test tied == w
    Liblars.update!(state, network, (embedding = nothing, middle = [Float32[1]], head = Float32[2, 2]))
    step!(opt, [w], [Float32[2, 2]])
    @test tied == w
    apart = merge(network, (head = copy(tied),))
    error = error_of(() -> Liblars.update!(state, apart, (embedding = tied, middle = nothing, head = tied)))
    @test startswith(error.message, "arrays of the model that were one in setup, parameter 1,")
end

@testset "trees that do not fit" begin
    state = Liblars.setup(rule(), model())
    for (tree, wrong, words) in (
        (model(), (scale = [Float32[1]],), "the gradients have the keys (:scale,) where"),
        (model(), (scales = [Float32[1, 0], Float32[1], Float32[1]],), "the gradients have the keys "),
        ((layers = model().layers,), nothing, "the model does not have the 6 arrays"),
        (merge(model(), (more = Float32[1],)), nothing, "the model does not have the 6 arrays"),
    )
        error = error_of(() -> Liblars.update!(state, tree, wrong))
        @test error.status === :LARS_ERR_ARGUMENT
        @test startswith(error.message, words)
    end
    @test error_of(() -> Liblars.setup(LARS("*.bais" => (eps = 1,); learning_rate = 1), model())).status ===
        :LARS_ERR_SELECTOR
    @test error_of(() -> Liblars.setup(LARS(learning_rate = 1), (a = [1im],))).message ==
        "parameter 'a' is of element type Complex{Int64}; the element types are Float32, Float64, Float16, " *
        "Liblars.BFloat16 and those with a method of Liblars.dtype"
end
