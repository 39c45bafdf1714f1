using System.Globalization;
using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Processes;

/// <summary>
/// The share of the calling process' session among other sessions. With the kernel's autogroup feature (sched(7); built into Debian's kernels and switched on) each session in no CPU cgroup is scheduled as one group,
/// so that nice values count among the threads of a session only.
/// </summary>
public static partial class SessionScheduling
{
    private const string File = "/proc/self/autogroup";

    /// <summary>Whether the calling process leads its session, as what a service manager starts does: what the session's share is touches nobody but it and those that it started.</summary>
    public static bool IsLed => getsid(0) == Environment.ProcessId;

    /// <summary>Gives the session a nice value among other sessions. False where the kernel has no autogroups or does not allow it: negative ones need <c>CAP_SYS_NICE</c>.</summary>
    /// <param name="nice">-20..19; the lower, the more processor it gets.</param>
    public static bool SetNice(int nice)
    {
        try
        {
            System.IO.File.WriteAllText(File, nice.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [LibraryImport("libc")]
    private static partial int getsid(int process);
}
