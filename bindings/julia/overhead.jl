# What a step costs by way of Julia: of ResNet-50's tensors, and of as many small ones, where the
# call itself is what counts.
#
#   julia --project=bindings/julia/Liblars bindings/julia/overhead.jl [STEPS]

using Liblars

include(joinpath(@__DIR__, "Liblars", "test", "json.jl"))

const MODEL = joinpath(@__DIR__, "..", "..", "bench", "models", "resnet50.json")

"Prints the median time of a step of arrays of these shapes."
function measure(shapes, steps)
    opt = Optimizer(learning_rate = 0.1, weight_decay = 1e-4)
    parameters = [fill(0.5f0, shape...) for shape in shapes]
    gradients = [fill(1.0f-3, shape...) for shape in shapes]
    foreach(i -> add_parameter!(opt, "p$i", parameters[i]), eachindex(parameters))
    step!(opt, parameters, gradients)
    times = map(1:steps) do _
        start = time_ns()
        step!(opt, parameters, gradients)
        Int(time_ns() - start)
    end
    median = sort(times)[cld(steps, 2)]
    println("{\"tensors\":$(length(shapes)),\"elements\":$(sum(prod, shapes)),\"ns_per_step\":$median}")
end

shapes = [Int.(tensor["shape"]) for tensor in JSON.parse(read(MODEL, String))["parameters"]]
steps = parse(Int, get(ARGS, 1, "200"))
measure(shapes, steps)
measure([[64] for _ in shapes], 50 * steps)
