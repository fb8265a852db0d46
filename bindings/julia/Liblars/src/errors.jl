"""
    LarsError(status, message, cause = nothing)

A call that failed; it has changed nothing, unless the message says that the step is done. `status`
is its name in lars.h, `:LARS_ERR_VALUE`; `cause`, with its backtrace, is what a function that the
library called has thrown.
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

"The exception for a status."
function error_of(status::Int32, message::String, cause = nothing)
    name = unsafe_string(@ccall liblars.lars_status_name(status::Int32)::Cstring)
    return LarsError(Symbol(name), message, cause)
end
