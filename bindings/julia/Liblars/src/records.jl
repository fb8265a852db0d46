# What the steps did, and checkpoints.

"""
    Liblars.step_count(opt, [index])

How many steps every parameter, or one, has taken.
"""
step_count(opt::Optimizer) = Int(output(opt, UInt64) do steps
    @ccall liblars.lars_step_count(opt::Handle, steps::Ref{UInt64})::Int32
end)
step_count(opt::Optimizer, index::Integer) = Int(output(opt, UInt64) do steps
    @ccall liblars.lars_parameter_step_count(
        opt::Handle, c_index(opt, index)::UInt32, steps::Ref{UInt64}
    )::Int32
end)

"How many steps a parameter has taken, for a run that others began."
function set_step_count!(opt::Optimizer, index::Integer, steps::Integer)
    checked(opt) do
        @ccall liblars.lars_set_parameter_step_count(
            opt::Handle, c_index(opt, index)::UInt32, steps::UInt64
        )::Int32
    end
    return nothing
end

"`weight_norm`, `update_norm` and `trust_ratio` of a parameter's last step."
function norms(opt::Optimizer, index::Integer)
    weight, update, ratio = Ref(0.0), Ref(0.0), Ref(0.0)
    checked(opt) do
        @ccall liblars.lars_norms(
            opt::Handle, c_index(opt, index)::UInt32, weight::Ref{Float64}, update::Ref{Float64},
            ratio::Ref{Float64}
        )::Int32
    end
    return (weight_norm = weight[], update_norm = update[], trust_ratio = ratio[])
end

"How many steps were skipped: `consecutive` up to now, and in `total`."
function skip_count(opt::Optimizer)
    consecutive, total = Ref(UInt64(0)), Ref(UInt64(0))
    checked(opt) do
        @ccall liblars.lars_skip_count(
            opt::Handle, consecutive::Ref{UInt64}, total::Ref{UInt64}
        )::Int32
    end
    return (consecutive = Int(consecutive[]), total = Int(total[]))
end

"""
Where the last step that was refused or skipped found NaN or Inf: the `index` of the first such
parameter, and how many `parameter_elements` and `gradient_elements` of it are.
"""
function nonfinite(opt::Optimizer)
    index, parameter, gradient = Ref(UInt32(0)), Ref(UInt64(0)), Ref(UInt64(0))
    checked(opt) do
        @ccall liblars.lars_nonfinite(
            opt::Handle, index::Ref{UInt32}, parameter::Ref{UInt64}, gradient::Ref{UInt64}
        )::Int32
    end
    return (
        index = index[] + 1, parameter_elements = Int(parameter[]),
        gradient_elements = Int(gradient[]),
    )
end

"""
    Liblars.telemetry(opt, quantity)

One quantity of every parameter's last step: `:weight_norm`, `:gradient_norm`, `:update_norm`,
`:trust_ratio`, `:effective_rate`, `:limited_share` or `:skipped_share`.
"""
function telemetry(opt::Optimizer, quantity::Symbol)
    number = number_of(TELEMETRY, quantity, "quantity")
    return exclusively(opt) do
        values = Vector{Float64}(undef, count_parameters(opt))
        status = @ccall liblars.lars_telemetry(
            opt::Handle, number::Int32, values::Ptr{Float64}
        )::Int32
        check(opt, status)
        return values
    end
end

"Whether steps gather the norms of gradients also where they do not need them."
function set_gradient_norms!(opt::Optimizer, wanted::Bool)
    checked(opt) do
        @ccall liblars.lars_set_gradient_norms(opt::Handle, wanted::Int32)::Int32
    end
    return nothing
end

"Whether steps gather the norms of gradients in any case."
gradient_norms(opt::Optimizer) = Bool(output(opt, Int32) do wanted
    @ccall liblars.lars_gradient_norms(opt::Handle, wanted::Ref{Int32})::Int32
end)

"""
    Liblars.set_observer!(observer, opt)

Has `observer`, a function of a [`Liblars.StepReport`](@ref), called after every step, taken or
skipped; `nothing`: nobody. What it throws is the cause of a [`LarsError`](@ref) that the step throws
once it is done: only such an error does not mean that nothing has changed.

    Liblars.set_observer!(opt) do report
        push!(ratios, report.quantities.trust_ratio)
    end
"""
function set_observer!(observer, opt::Optimizer)
    kept = Ref{Any}(observer)
    pointer = observer === nothing ? C_NULL : observer_pointer()
    return exclusively(opt) do
        status = @ccall liblars.lars_set_observer(
            opt::Handle, pointer::Ptr{Cvoid}, kept::Any
        )::Int32
        check(opt, status)
        opt.observer = kept
        return nothing
    end
end

"""
    Liblars.save(opt, path)
    Liblars.save(opt)

Saves all that the next steps depend on, but not the parameters: to a file, which is replaced whole
or not at all, or to the vector of bytes that it returns.
"""
function save(opt::Optimizer, path::AbstractString)
    checked(opt) do
        @ccall liblars.lars_save(opt::Handle, path::Cstring)::Int32
    end
    return nothing
end
function save(opt::Optimizer)
    size = output(opt, UInt64) do bytes
        @ccall liblars.lars_save_size(opt::Handle, bytes::Ref{UInt64})::Int32
    end
    checkpoint = Vector{UInt8}(undef, size)
    checked(opt) do
        @ccall liblars.lars_save_to(opt::Handle, checkpoint::Ptr{UInt8}, size::UInt64)::Int32
    end
    return checkpoint
end

"""
    Liblars.load!(opt, path)
    Liblars.load!(opt, bytes)

Loads what [`Liblars.save`](@ref) has saved, into an optimizer with the same parameters.
"""
function load!(opt::Optimizer, path::AbstractString)
    checked(opt) do
        @ccall liblars.lars_load(opt::Handle, path::Cstring)::Int32
    end
    return nothing
end
function load!(opt::Optimizer, bytes::Vector{UInt8})
    checked(opt) do
        @ccall liblars.lars_load_from(
            opt::Handle, bytes::Ptr{UInt8}, length(bytes)::UInt64
        )::Int32
    end
    return nothing
end
