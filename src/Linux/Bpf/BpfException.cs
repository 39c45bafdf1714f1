using System.ComponentModel;

namespace VirtualServices.Linux.Bpf;

/// <summary>The kernel or libbpf refused an operation on a BPF object.</summary>
public sealed class BpfException : Exception
{
    internal BpfException(string operation, string target, int errno)
        : base(Describe(operation, target, errno, BpfLog.Take(), out string log))
    {
        Operation = operation;
        Target = target;
        Errno = errno;
        Log = log;
    }

    /// <summary>What was tried: <c>load</c>, <c>attach</c>, <c>pin</c> ...</summary>
    public string Operation { get; }

    /// <summary>The object, program, map or path it was tried on.</summary>
    public string Target { get; }

    /// <summary>Positive errno.</summary>
    public int Errno { get; }

    /// <summary>What libbpf and the verifier said, possibly empty.</summary>
    public string Log { get; }

    /// <summary>A failure in one line: what was tried, and what decided at the end of the log; of other failures the first line.</summary>
    public static string SummaryOf(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        BpfException? refused = error as BpfException ?? error.InnerException as BpfException;
        string first = (refused ?? error).Message.Split('\n')[0];
        return refused is { Log.Length: > 0 } ? $"{first}: {LogEnd.Of(refused.Log)}" : first;
    }

    private static string Describe(string operation, string target, int errno, string said, out string log)
    {
        log = said;
        string text = $"bpf: cannot {operation} {target}: {new Win32Exception(errno).Message} (errno {errno})";
        return said.Length == 0 ? text : $"{text}\n{said}";
    }
}
