namespace VirtualServices.Model.Sessions;

/// <summary>A process of a session's inventory.</summary>
/// <param name="Pid">Process id.</param>
/// <param name="ParentPid">Parent's process id.</param>
/// <param name="Comm">Name as the kernel has it (15 characters).</param>
/// <param name="Exe">Absolute path of the executable, empty where unknown.</param>
/// <param name="CommandLine">Command line, arguments separated by spaces, cut at 200 characters.</param>
/// <param name="Cgroup">Path in the unified hierarchy, or in systemd's or the cpu hierarchy where the unified one says "/".</param>
/// <param name="Unit">systemd unit, empty where none.</param>
/// <param name="Uid">Real user id.</param>
/// <param name="StartTimeNs">Start, ns of CLOCK_BOOTTIME: with the pid it names the process for good.</param>
/// <param name="Service">Recorded service it belongs to, empty for a peer that was not recorded.</param>
/// <param name="Host">Host where the sources of a session have several; empty for the session's own. Pids are then unique in the session, and <paramref name="HostPid"/> is the host's.</param>
/// <param name="HostPid">Process id on its host where it differs from <paramref name="Pid"/>, else 0.</param>
public sealed record ProcessRecord(
    int Pid,
    int ParentPid,
    string Comm,
    string Exe,
    string CommandLine,
    string Cgroup,
    string Unit,
    uint Uid,
    long StartTimeNs,
    string Service,
    string Host = "",
    int HostPid = 0);
