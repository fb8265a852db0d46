"""
    LarsError(status, message, cause = nothing)

A call that failed; it has changed nothing. `status` is its name in lars.h, `:LARS_ERR_VALUE`;
`cause`, with its backtrace, is what a function that the library called has thrown.
"""
struct LarsError <: Exception
    status::Symbol
    message::String
    cause::Union{CapturedException,Nothing}
end
LarsError(status, message) = LarsError(status, message, nothing)

function Base.showerror(io::IO, error::LarsError)
    print(io, error.status, ": ", error.message)
    error.cause === nothing && return
    print(io, "\ncaused by: ")
    showerror(io, error.cause)
end

"The exception for a status; takes up what a callback has left by [`remember`](@ref)."
function error_of(status::Int32, message::String)
    name = Symbol(unsafe_string(@ccall liblars.lars_status_name(status::Int32)::Cstring))
    cause = name === :LARS_ERR_CALLBACK ? pop!(task_local_storage(), REMEMBERED, nothing) : nothing
    return LarsError(name, message, cause)
end
