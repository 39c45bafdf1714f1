using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Calls;

/// <summary>One system call that has ended, as a tracer told it. Reused from call to call; <see cref="Clear"/> first.</summary>
internal sealed class TracedCall
{
    /// <summary>Time at which it was entered, ns.</summary>
    internal long TimeNs { get; set; }

    /// <summary>ns; 0 where the tracer does not say.</summary>
    internal long DurationNs { get; set; }

    /// <summary>Process, 0 where the tracer names threads only.</summary>
    internal int Pid { get; set; }

    internal int Tid { get; set; }

    /// <summary>Name of the process, empty where the tracer does not say.</summary>
    internal string Comm { get; set; } = "";

    /// <summary>Name of the call without <c>sys_</c>.</summary>
    internal string Name { get; set; } = "";

    /// <summary>Result, negative for an error.</summary>
    internal long Result { get; set; }

    /// <summary>The descriptor that the call is about, -1 for none.</summary>
    internal int Fd { get; set; }

    /// <summary>A second one: where splice and sendfile read or write, what dup2 replaces, the second of a pair; -1 for none.</summary>
    internal int Fd2 { get; set; }

    internal SocketLabel Label { get; set; }

    internal SocketLabel Label2 { get; set; }

    /// <summary>Of a descriptor in the result.</summary>
    internal SocketLabel ResultLabel { get; set; }

    /// <summary>Address in the arguments: where connect goes, whom accept or recvfrom found.</summary>
    internal Endpoint Address { get; set; } = Endpoint.None;

    /// <summary>Protocol of what socket, socketpair or pipe make.</summary>
    internal TransportProtocol Protocol { get; set; }

    /// <summary>Messages of a call for several of them (recvmmsg): the address at the other end and the length.</summary>
    internal List<(Endpoint Address, long Bytes)> Messages { get; } = [];

    /// <summary>The new descriptor ends at an exec.</summary>
    internal bool CloseOnExec { get; set; }

    /// <summary>clone: a thread of the same process.</summary>
    internal bool MakesThread { get; set; }

    /// <summary>clone: descriptors are shared, not copied.</summary>
    internal bool SharesFiles { get; set; }

    /// <summary>execve: path of the program.</summary>
    internal string Program { get; set; } = "";

    /// <summary>fcntl: the command; close_range: the last descriptor.</summary>
    internal long Argument { get; set; }

    /// <summary>CPU time of the thread so far, ns, 0 where unknown.</summary>
    internal ulong CpuNs { get; set; }

    internal void Clear()
    {
        TimeNs = DurationNs = Result = Argument = 0;
        Pid = Tid = 0;
        Comm = Name = Program = "";
        Fd = Fd2 = -1;
        Messages.Clear();
        Label = Label2 = ResultLabel = SocketLabel.None;
        Address = Endpoint.None;
        Protocol = TransportProtocol.None;
        CloseOnExec = MakesThread = SharesFiles = false;
        CpuNs = 0;
    }
}
