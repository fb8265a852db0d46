"""
    set!(opt, key, value; selector = nothing)

Sets a hyper-parameter, `:learning_rate` and the other keys of lars.h, from the next step on.

`value` is a number, a [`Liblars.Schedule`](@ref), a function of the step, or a word for
`:denominator` (`:decayed`, `:sum`, `:gradient`) and `:outside_momentum` (`:nothing`,
`:learning_rate`, `:trust_ratio`). `selector` says for which parameters: `nothing` for all, also
those added later; a glob on names, `"*.bias"`; or a function of a [`Liblars.Parameter`](@ref).

    set!(opt, :learning_rate, Schedules.cosine_decay(init_value = 1, decay_steps = 1000))
    set!(opt, :weight_decay_mask, false; selector = p -> length(p.shape) <= 1)
"""
function set!(opt::Optimizer, key::Symbol, value; selector = nothing)
    number = number_of(KEYS, key, "key")
    set_to = setting(key, value)
    required_selector(selector)
    return exclusively(opt) do
        check(opt, set(opt, selector, number, set_to))
        # The library copies schedules, but not the functions that they call. Once set for all
        # parameters, none is left that could follow an earlier schedule of the key.
        earlier = selector === nothing ? [] : Base.get(opt.functions, key, [])
        opt.functions[key] = unique(objectid, [earlier; functions_of(set_to)])
        return nothing
    end
end

setting(_, value::Real) = Float64(value)
setting(_, f::Function) = Schedule(f)
setting(_, schedule::Schedule) = schedule
function setting(key, value)
    hasmethod(value, Tuple{Int}) && return Schedule(value) # an object that is called as a function
    message = "$key is a $(typeof(value)); pass a number, a Schedule or a function of the step"
    throw(LarsError(:LARS_ERR_ARGUMENT, message))
end
function setting(key, choice::Symbol)
    choices = Base.get((denominator = DENOMINATOR, outside_momentum = OUTSIDE), key, NamedTuple())
    return Float64(number_of(choices, choice, String(key)))
end

required_selector(::Union{AbstractString,Nothing,Function}) = nothing
function required_selector(selector)
    hasmethod(selector, Tuple{Parameter}) && return
    message = "the selector is a $(typeof(selector)); pass a glob, \"*.bias\", nothing or a function"
    throw(LarsError(:LARS_ERR_SELECTOR, message))
end

functions_of(_::Float64) = []
functions_of(schedule::Schedule) = schedule.functions

const Glob = Union{AbstractString,Nothing}

set(opt, selector::Glob, key, value::Float64) =
    @ccall liblars.lars_set(opt::Handle, glob(selector)::Cstring, key::Int32, value::Float64)::Int32

set(opt, selector::Glob, key, value::Schedule) =
    @ccall liblars.lars_set_schedule(
        opt::Handle, glob(selector)::Cstring, key::Int32, value::Handle
    )::Int32

set(opt, predicate, key, value::Float64) = @ccall liblars.lars_set_if(
    opt::Handle, predicate_pointer()::Ptr{Cvoid}, Ref{Any}(predicate)::Any, key::Int32,
    value::Float64
)::Int32

set(opt, predicate, key, value::Schedule) = @ccall liblars.lars_set_schedule_if(
    opt::Handle, predicate_pointer()::Ptr{Cvoid}, Ref{Any}(predicate)::Any, key::Int32,
    value::Handle
)::Int32

"""
    Liblars.get(opt, index, key)

The value that a parameter's next step will use.
"""
function get(opt::Optimizer, index::Integer, key::Symbol)
    number = number_of(KEYS, key, "key")
    return output(opt, Float64) do value
        @ccall liblars.lars_get(
            opt::Handle, c_index(opt, index)::UInt32, number::Int32, value::Ref{Float64}
        )::Int32
    end
end

"The LARS of another library: `:optax`, `:paper`, `:torch`, `:larc`, `:barlow` or `:tf`."
function set_variant!(opt::Optimizer, variant::Symbol)
    number = number_of(VARIANT, variant, "variant")
    checked(opt) do
        @ccall liblars.lars_set_variant(opt::Handle, number::Int32)::Int32
    end
    return nothing
end

"MLPerf's recipe for ResNet-50 on ImageNet."
function set_mlperf_resnet50!(opt::Optimizer; batch::Integer, steps_per_epoch::Integer)
    checked(opt) do
        @ccall liblars.lars_set_mlperf_resnet50(
            opt::Handle, batch::UInt64, steps_per_epoch::UInt64
        )::Int32
    end
    return nothing
end

"Clips gradients by the norm of all of them together; `Inf` clips nothing."
function set_gradient_clip!(opt::Optimizer, max_norm::Real)
    checked(opt) do
        @ccall liblars.lars_set_gradient_clip(opt::Handle, max_norm::Float64)::Int32
    end
    return nothing
end

"The norm to which gradients are clipped; `Inf` if they are not."
gradient_clip(opt::Optimizer) = output(opt, Float64) do max_norm
    @ccall liblars.lars_gradient_clip(opt::Handle, max_norm::Ref{Float64})::Int32
end

"What a step does about NaN and Inf: `:refuse`, `:skip` or `:propagate`."
function set_nonfinite_policy!(opt::Optimizer, policy::Symbol)
    number = number_of(NONFINITE, policy, "policy")
    checked(opt) do
        @ccall liblars.lars_set_nonfinite_policy(opt::Handle, number::Int32)::Int32
    end
    return nothing
end

"What a step does about NaN and Inf: `:refuse`, `:skip` or `:propagate`."
function nonfinite_policy(opt::Optimizer)
    number = output(opt, Int32) do policy
        @ccall liblars.lars_nonfinite_policy(opt::Handle, policy::Ref{Int32})::Int32
    end
    return keys(NONFINITE)[findfirst(==(number), values(NONFINITE))]
end

"Under the policy `:skip`, how many steps in a row may be skipped; 0: any number."
function set_max_consecutive_skips!(opt::Optimizer, most::Integer)
    checked(opt) do
        @ccall liblars.lars_set_max_consecutive_skips(opt::Handle, most::UInt64)::Int32
    end
    return nothing
end

"How many skipped steps in a row are allowed; 0: any number."
max_consecutive_skips(opt::Optimizer) = Int(output(opt, UInt64) do most
    @ccall liblars.lars_max_consecutive_skips(opt::Handle, most::Ref{UInt64})::Int32
end)

"Promises that nothing but this optimizer changes the parameters, so that steps may carry norms on."
function set_carry_norms!(opt::Optimizer, carry::Bool)
    checked(opt) do
        @ccall liblars.lars_set_carry_norms(opt::Handle, carry::Int32)::Int32
    end
    return nothing
end

"Whether norms are carried."
carry_norms(opt::Optimizer) = Bool(output(opt, Int32) do carry
    @ccall liblars.lars_carry_norms(opt::Handle, carry::Ref{Int32})::Int32
end)

"Tells that parameters were changed from outside, where lars.h asks for it."
function parameters_changed!(opt::Optimizer)
    checked(opt) do
        @ccall liblars.lars_parameters_changed(opt::Handle)::Int32
    end
    return nothing
end

# ---- What steps run on

"Chooses the kernels: \"auto\", \"simd\", \"simd/AVX2\" and the like, \"reference\" or \"blas\"."
function set_kernels!(opt::Optimizer, kernels::AbstractString)
    checked(opt) do
        @ccall liblars.lars_set_kernels(opt::Handle, kernels::Cstring)::Int32
    end
    return nothing
end

"The kernels in use."
kernels(opt::Optimizer) = exclusively(opt) do
    GC.@preserve opt unsafe_string(@ccall liblars.lars_kernels(opt::Handle)::Cstring)
end

"How many threads a step may use; 0: as many as help."
function set_threads!(opt::Optimizer, threads::Integer)
    checked(opt) do
        @ccall liblars.lars_set_threads(opt::Handle, threads::UInt32)::Int32
    end
    return nothing
end

"How many threads a step will use at most."
threads(opt::Optimizer) = Int(output(opt, UInt32) do threads
    @ccall liblars.lars_threads(opt::Handle, threads::Ref{UInt32})::Int32
end)

"""
    Liblars.set_parallel_for!(run, opt; threads = Threads.nthreads())

Lets Julia's threads run the steps: `run(count, task)` calls `task(i)` once for each `i` in
`1:count`, and returns after the last. `run === nothing` returns to the library's own threads.

    Liblars.set_parallel_for!(opt) do count, task
        Threads.@threads for i in 1:count
            task(i)
        end
    end
"""
function set_parallel_for!(run, opt::Optimizer; threads::Integer = Threads.nthreads())
    kept = Ref{Any}(run)
    pointer = run === nothing ? C_NULL : parallel_for_pointer()
    return exclusively(opt) do
        status = @ccall liblars.lars_set_parallel_for(
            opt::Handle, pointer::Ptr{Cvoid}, kept::Any, threads::UInt32
        )::Int32
        check(opt, status)
        opt.parallel_for = kept
        return nothing
    end
end
