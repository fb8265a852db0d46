# The shape of Optimisers.jl, setup and update!, for models of nested named tuples, tuples and
# vectors of these.

"""
    LARS(selector => settings...; hyperparameters...)

The rule for [`Liblars.setup`](@ref): hyper-parameters of all parameters, and named tuples of those
of the selected ones; keys, values and selectors as in [`set!`](@ref).

    LARS("*.bias" => (trust_ratio_mask = false, learning_rate = 0.1);
        learning_rate = 1.0, weight_decay = 1e-4)
"""
struct LARS
    selected::Vector{Pair}
    hyperparameters::NamedTuple

    LARS(selected::Pair...; hyperparameters...) =
        new(collect(Pair, selected), values(hyperparameters))
end

"What [`Liblars.setup`](@ref) returns; its `optimizer` tells more, and is what a checkpoint saves."
struct State
    optimizer::Optimizer
end

"""
    state = Liblars.setup(rule::LARS, model)

The state of a model of nested named tuples, tuples and vectors. Its arrays of numbers are the
parameters, named by the path to them, `"layers.1.weight"`; integers, functions and the like are
passed over.
"""
function setup(rule::LARS, model)
    optimizer = Optimizer(; rule.hyperparameters...)
    add_parameters!(optimizer, "", model)
    for (selector, settings) in rule.selected, (key, value) in pairs(settings)
        set!(optimizer, key, value; selector = selector)
    end
    return State(optimizer)
end

"""
    state, model = Liblars.update!(state, model, gradients)

Steps the model's arrays in place; `gradients` is a tree like the model. Returns both, as
Optimisers.jl does. A step that the policy `:skip` skips shows in
`Liblars.skip_count(state.optimizer)`.
"""
function update!(state::State, model, gradients)
    arrays, array_gradients = [], []
    gather!(arrays, array_gradients, state, model, gradients)
    step!(state.optimizer, arrays, array_gradients)
    return state, model
end

const Tree = Union{NamedTuple,Tuple,AbstractVector}

isparameter(array::AbstractArray) = isnumeric(eltype(array))
isparameter(_) = false

isnumeric(T) = T <: Number || dtype(T) !== nothing
isnumeric(::Type{<:Integer}) = false

function add_parameters!(optimizer, path, node)
    if isparameter(node)
        add_parameter!(optimizer, path, node)
    elseif node isa Tree
        for (key, child) in pairs(node)
            add_parameters!(optimizer, isempty(path) ? string(key) : "$path.$key", child)
        end
    end
end

"Appends the model's parameters, in the order of `add_parameters!`, and their gradients."
function gather!(arrays, array_gradients, state, node, gradient)
    if isparameter(node)
        push!(arrays, node)
        push!(array_gradients, gradient)
        gradient === nothing && throw(without_gradient(state, length(arrays)))
    elseif node isa Tree
        for (key, child) in pairs(node)
            child_gradient = gradient isa Tree && key in keys(gradient) ? gradient[key] : nothing
            gather!(arrays, array_gradients, state, child, child_gradient)
        end
    end
end

function without_gradient(state, index)
    name = parameter(state.optimizer, index).name
    message = "there is no gradient of '$name'; a step needs one of every parameter, if only zeros"
    return LarsError(:LARS_ERR_ARGUMENT, message)
end
