# Once __init__ has loaded the library, wherever it is, the loader finds it by this, its soname.
const liblars = "liblars.so.0"

const Handle = Ptr{Cvoid} # of an optimizer or a schedule

function __init__()
    path = Base.get(ENV, "LIBLARS_LIBRARY", "")
    isempty(path) && (path = find_library([liblars, "liblars"]))
    try
        # Without Julia's default RTLD_DEEPBIND, by which C++ exceptions could be thrown by one
        # unwinder (Debian's Julia links libunwind) and resumed by another (libgcc), which aborts
        # the process.
        dlopen(isempty(path) ? liblars : path, RTLD_LAZY)
    catch exception
        error(
            "liblars could not be loaded: ", sprint(showerror, exception), "\nInstall it so that ",
            "the loader finds liblars.so.0, or set the environment variable LIBLARS_LIBRARY to ",
            "the path of that file"
        )
    end
end

"The version of the library that runs."
version() = VersionNumber(unsafe_string(@ccall liblars.lars_version_string()::Cstring))
