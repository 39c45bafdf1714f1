namespace VirtualServices.Model;

/// <summary>Exit codes of <c>vs</c>.</summary>
public enum ExitCode
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary>Done, but something asked for does not hold.</summary>
    DoesNotHold = 1,

    /// <summary>The call's words are off.</summary>
    Usage = 2,

    /// <summary>Bad input file.</summary>
    BadInput = 3,

    /// <summary>The host lacks something.</summary>
    HostLacks = 4,

    /// <summary>Permission.</summary>
    Permission = 5,

    /// <summary>A bug of this program.</summary>
    Bug = 70,
}

/// <summary>An error that a person can mend: its message names the operation, the object and the way out. Mapped to an exit code once, at the edge.</summary>
public sealed class VsException : Exception
{
    /// <summary>Makes an error.</summary>
    public VsException(ExitCode exitCode, string message, Exception? inner = null)
        : base(message, inner) => ExitCode = exitCode;

    /// <summary>What the command exits with.</summary>
    public ExitCode ExitCode { get; }

    /// <summary>Bad input file, with the place (<c>file:line</c> or <c>file@offset</c>) and what was expected.</summary>
    public static VsException BadInput(string place, string expected, Exception? inner = null) => new(ExitCode.BadInput, $"{place}: {expected}", inner);
}
