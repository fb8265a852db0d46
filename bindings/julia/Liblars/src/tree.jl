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
    leaves::Vector{Int} # the parameter that each of the model's arrays is, in order of the tree
end

"""
    state = Liblars.setup(rule::LARS, model)

The state of a model of nested named tuples, tuples and vectors. Its arrays of numbers are the
parameters, named by the path to them, `"layers.1.weight"`; integers, functions and the like are
passed over. An array that is there more than once, as tied weights are, is one parameter, named by
the first path.
"""
function setup(rule::LARS, model)
    optimizer = Optimizer(; rule.hyperparameters...)
    leaves = Int[]
    add_parameters!(optimizer, leaves, IdDict{Any,Int}(), "", model)
    for (selector, settings) in rule.selected, (key, value) in pairs(settings)
        set!(optimizer, key, value; selector = selector)
    end
    return State(optimizer, leaves)
end

"""
    state, model = Liblars.update!(state, model, gradients)

Steps the model's arrays in place; `gradients` is a tree like the model. Returns both, as
Optimisers.jl does. A step that the policy `:skip` skips shows in
`Liblars.skip_count(state.optimizer)`.

Parameters whose gradient is `nothing`, or of which the tree has none, are left alone. If there are
any, the others are stepped one after the other, as by [`step_parameter!`](@ref): then a step that
fails may have stepped some of them, and gradients cannot be clipped by the norm of all. The
gradients of an array that is there more than once are added up.
"""
function update!(state::State, model, gradients)
    opt, count = state.optimizer, parameter_count(state.optimizer)
    w, g = List(:parameter, :parameter, count), List(:gradient, :gradient, count)
    to = Gathering(w, g, state.leaves, 0)
    gather!(to, model, gradients)
    to.passed == length(state.leaves) || throw(changed_model(state.leaves))
    exclusively(opt) do
        checked_list(opt, w)
        if any(isnothing, g.roots)
            step_some(opt, w, g)
        else
            step_lists(opt, w, checked_list(opt, g))
        end
    end
    return state, model
end

"Steps the parameters that have gradients."
function step_some(opt, w::List, g::List)
    indices = findall(!isnothing, g.roots)
    for i in indices
        address(opt, :gradient, UInt32(i - 1), g.roots[i])
    end
    for i in indices
        status = GC.@preserve w g begin
            @ccall liblars.lars_step_parameter(
                opt::Handle, (i - 1)::UInt32, w.addresses[i]::Ptr{Cvoid}, g.addresses[i]::Ptr{Cvoid}
            )::Int32
        end
        stepped(opt, status)
    end
end

const Tree = Union{NamedTuple,Tuple,AbstractVector}

isparameter(array::AbstractArray) = isnumeric(eltype(array))
isparameter(_) = false

isnumeric(T) = T <: Number || dtype(T) !== nothing
isnumeric(::Type{<:Integer}) = false

function add_parameters!(optimizer, leaves, indices, path, node)
    if isparameter(node)
        push!(leaves, get!(() -> add_parameter!(optimizer, path, node), indices, node))
    elseif node isa Tree
        for (key, child) in pairs(node)
            child_path = isempty(path) ? string(key) : "$path.$key"
            add_parameters!(optimizer, leaves, indices, child_path, child)
        end
    end
end

"A model's arrays and their gradients, for the library, and how many arrays have been passed."
mutable struct Gathering
    parameters::List
    gradients::List
    leaves::Vector{Int}
    passed::Int
end

"""
Gathers a part of the model, in the order of `add_parameters!`. A step may be of hundreds of small
arrays: where their types are known, as in named tuples, there must be no search for a method.
"""
gather!(_, _, _) = nothing # no part of a model: a function, a number
@generated function gather!(to::Gathering, node::Union{NamedTuple,Tuple}, gradient)
    keys = fieldnames(node)
    has = gradient <: Union{NamedTuple,Tuple} ? fieldnames(gradient) : ()
    issubset(has, keys) || return :(throw(other_tree(node, gradient)))
    of(key) = key in has ? :(getfield(gradient, $(QuoteNode(key)))) : nothing
    calls = [:(gather!(to, getfield(node, $(QuoteNode(key))), $(of(key)))) for key in keys]
    return :($(calls...); nothing)
end
function gather!(to::Gathering, node::AbstractArray{T}, gradient) where {T}
    isnumeric(T) && return gather_leaf!(to, node, gradient)
    node isa Tree || return nothing
    has = gradient isa Union{Tuple,AbstractVector} ? length(gradient) : 0
    (has <= length(node) && !(gradient isa NamedTuple)) || throw(other_tree(node, gradient))
    for i in 1:length(node)
        gather!(to, node[i], i <= has ? gradient[i] : nothing)
    end
end

function gather_leaf!(to::Gathering, array, gradient)
    to.passed += 1
    to.passed <= length(to.leaves) || throw(changed_model(to.leaves))
    index = to.leaves[to.passed]
    known = to.parameters.roots[index]
    if known === nothing
        to.parameters[index] = array
    elseif known !== array
        message = "arrays of the model that were one in setup, parameter $index, are several now"
        throw(LarsError(:LARS_ERR_ARGUMENT, message))
    end
    gradient === nothing && return nothing
    other = to.gradients.roots[index]
    to.gradients[index] = other === nothing ? gradient : other .+ gradient
    return nothing
end

function changed_model(leaves)
    message = "the model does not have the $(length(leaves)) arrays that setup found in it"
    return LarsError(:LARS_ERR_ARGUMENT, message)
end

function other_tree(node, gradient)
    message = "the gradients have the keys $(keys(gradient)) where the model has $(keys(node))"
    return LarsError(:LARS_ERR_ARGUMENT, message)
end
