# Arrays of a call come as a vector, tuple or named tuple, in order of index. Julia's arrays are
# column-major, which does not matter to LARS: it only needs the parameter and its gradient to be
# laid out alike. Arrays must keep their memory during a call: functions that the library calls must
# not resize! them.

"Whether the step was taken: false if the policy `:skip` skipped it."
stepped(opt::Optimizer, status::Int32) = check(opt, status) == 0

"""
    step!(opt, parameters, gradients)

Steps all parameters in place. Returns whether the step was taken: false only under the policy
`:skip` ([`Liblars.set_nonfinite_policy!`](@ref)).
"""
function step!(opt::Optimizer, parameters::Arrays, gradients::Arrays)
    return exclusively(opt) do
        step_lists(opt, addresses(opt, :parameter, parameters), addresses(opt, :gradient, gradients))
    end
end

step_lists(opt, w::List, g::List) =
    stepped(opt, @ccall liblars.lars_step(opt::Handle, w::Addresses, g::Addresses)::Int32)

"""
    step_flat!(opt, parameters, gradients)

As [`step!`](@ref), with all parameters end to end in one array, and likewise the gradients.
"""
function step_flat!(opt::Optimizer, parameters, gradients)
    return exclusively(opt) do
        w = flat_address(opt, :parameter, parameters)
        g = flat_address(opt, :gradient, gradients)
        status = GC.@preserve parameters gradients begin
            @ccall liblars.lars_step_flat(opt::Handle, w::Ptr{Cvoid}, g::Ptr{Cvoid})::Int32
        end
        stepped(opt, status)
    end
end

"""
    step_parameter!(opt, index, parameter, gradient)

Steps one parameter, for trainers that walk their tensors.
"""
function step_parameter!(opt::Optimizer, index::Integer, parameter, gradient)
    return exclusively(opt) do
        number = c_index(opt, index)
        w = address(opt, :parameter, number, parameter)
        g = address(opt, :gradient, number, gradient)
        status = GC.@preserve parameter gradient begin
            @ccall liblars.lars_step_parameter(
                opt::Handle, number::UInt32, w::Ptr{Cvoid}, g::Ptr{Cvoid}
            )::Int32
        end
        stepped(opt, status)
    end
end

"""
    Liblars.update!(opt, parameters, gradients, updates)

optax's form of [`step!`](@ref): writes the increments to `updates` and leaves the parameters alone.
"""
function update!(opt::Optimizer, parameters::Arrays, gradients::Arrays, updates::Arrays)
    return exclusively(opt) do
        w = addresses(opt, :parameter, parameters)
        g = addresses(opt, :gradient, gradients)
        u = addresses(opt, :parameter, updates, :update)
        status = @ccall liblars.lars_update(
            opt::Handle, w::Addresses, g::Addresses, u::Addresses
        )::Int32
        stepped(opt, status)
    end
end

"""
    step_external!(opt, parameters, gradients, momentum, masters = ())

As [`step!`](@ref), with a state that the caller keeps: `momentum`, and `masters` if there are
16-bit parameters.
"""
function step_external!(
    opt::Optimizer, parameters::Arrays, gradients::Arrays, momentum::Arrays, masters::Arrays = ()
)
    return exclusively(opt) do
        w = addresses(opt, :parameter, parameters)
        g = addresses(opt, :gradient, gradients)
        v = addresses(opt, :momentum, momentum)
        m = isempty(masters) ? Addresses(C_NULL) : addresses(opt, :master, masters)
        status = @ccall liblars.lars_step_external(
            opt::Handle, w::Addresses, g::Addresses, v::Addresses, m::Addresses
        )::Int32
        stepped(opt, status)
    end
end

"""
    Liblars.update_external!(opt, parameters, gradients, momentum, updates)

As [`Liblars.update!`](@ref), with a momentum that the caller keeps.
"""
function update_external!(
    opt::Optimizer, parameters::Arrays, gradients::Arrays, momentum::Arrays, updates::Arrays
)
    return exclusively(opt) do
        w = addresses(opt, :parameter, parameters)
        g = addresses(opt, :gradient, gradients)
        v = addresses(opt, :momentum, momentum)
        u = addresses(opt, :parameter, updates, :update)
        status = @ccall liblars.lars_update_external(
            opt::Handle, w::Addresses, g::Addresses, v::Addresses, u::Addresses
        )::Int32
        stepped(opt, status)
    end
end

# ---- Accumulation

"The number of micro-batches in a batch."
function set_accumulation!(opt::Optimizer, micro_batches::Integer)
    checked(opt) do
        @ccall liblars.lars_set_accumulation(opt::Handle, micro_batches::UInt32)::Int32
    end
    return nothing
end

"""
    Liblars.accumulate!(opt, [parameters,] gradients)

Adds the gradients of a micro-batch. Only the one that completes the batch needs the parameters, and
only reads them.
"""
function accumulate!(opt::Optimizer, parameters::Arrays, gradients::Arrays)
    exclusively(opt) do
        w = addresses(opt, :parameter, parameters)
        g = addresses(opt, :gradient, gradients)
        check(opt, @ccall liblars.lars_accumulate(opt::Handle, w::Addresses, g::Addresses)::Int32)
    end
    return nothing
end
function accumulate!(opt::Optimizer, gradients::Arrays)
    exclusively(opt) do
        g = addresses(opt, :gradient, gradients)
        status = @ccall liblars.lars_accumulate(opt::Handle, C_NULL::Addresses, g::Addresses)::Int32
        check(opt, status)
    end
    return nothing
end

"""
    step_accumulated!(opt, parameters)

As [`step!`](@ref), with the mean of the gradients that [`Liblars.accumulate!`](@ref) has added up.
"""
function step_accumulated!(opt::Optimizer, parameters::Arrays)
    return exclusively(opt) do
        w = addresses(opt, :parameter, parameters)
        stepped(opt, @ccall liblars.lars_step_accumulated(opt::Handle, w::Addresses)::Int32)
    end
end

"Forgets the micro-batches accumulated so far."
function discard_accumulated!(opt::Optimizer)
    checked(opt) do
        @ccall liblars.lars_discard_accumulated(opt::Handle)::Int32
    end
    return nothing
end

"How many micro-batches are accumulated, and how many make a batch."
function accumulated(opt::Optimizer)
    so_far, in_batch = Ref(UInt32(0)), Ref(UInt32(0))
    checked(opt) do
        @ccall liblars.lars_accumulated(
            opt::Handle, so_far::Ref{UInt32}, in_batch::Ref{UInt32}
        )::Int32
    end
    return (accumulated = Int(so_far[]), micro_batches = Int(in_batch[]))
end
