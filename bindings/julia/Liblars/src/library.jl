"The file of the library, as loaders know it."
library_name(windows::Bool) = windows ? "liblars-0.dll" : "liblars.so.0"

# Once __init__ has loaded the library, wherever it is, the loader finds it by this, its soname.
const liblars = library_name(Sys.iswindows())

const Handle = Ptr{Cvoid} # of an optimizer or a schedule

const INTERFACE = v"0.1.0" # the first version with all that is called here

"Whether a library of this version can be used: while it is 0.x, each x may change the interface."
function serves(version)
    version.major == INTERFACE.major && version >= INTERFACE || return false
    return version.major > 0 || version.minor == INTERFACE.minor
end

function __init__()
    path = Base.get(ENV, "LIBLARS_LIBRARY", "")
    isempty(path) && (path = find_library([liblars, "liblars"]))
    library = try
        # Without Julia's default RTLD_DEEPBIND, by which C++ exceptions could be thrown by one
        # unwinder (Debian's Julia links libunwind) and resumed by another (libgcc), which aborts
        # the process.
        dlopen(isempty(path) ? liblars : path, RTLD_LAZY)
    catch exception
        error(
            "liblars could not be loaded: ", sprint(showerror, exception), "\nInstall it so that ",
            "the loader finds ", liblars, ", or set the environment variable LIBLARS_LIBRARY to ",
            "the path of that file"
        )
    end
    found = VersionNumber(unsafe_string(ccall(dlsym(library, :lars_version_string), Cstring, ())))
    serves(found) || error(
        "liblars ", found, " was found, but this package needs ", INTERFACE, " or a later version ",
        "of the same interface, ", INTERFACE.major, ".", INTERFACE.minor, ".x; install that one, or ",
        "set the environment variable LIBLARS_LIBRARY to the path of its ", liblars
    )
end

"The version of the library that runs."
version() = VersionNumber(unsafe_string(@ccall liblars.lars_version_string()::Cstring))
