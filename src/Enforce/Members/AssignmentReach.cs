using System.Globalization;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Members;

/// <summary>Which processes a person may assign. All are checked before any is touched.</summary>
internal static class AssignmentReach
{
    private const int Init = 1;

    /// <summary>Throws with a line for each process that is out of reach.</summary>
    /// <param name="pids">Processes.</param>
    /// <param name="enforcer">The enforcer's process.</param>
    public static void Check(IReadOnlyList<int> pids, int enforcer)
    {
        string[] reasons = [.. pids.Distinct().Select(pid => Refusal(pid, enforcer)).OfType<string>()];
        if (reasons.Length > 0) throw new VsException(ExitCode.Usage, $"nothing was assigned: {string.Join("\n  ", reasons)}");
    }

    private static string? Refusal(int pid, int enforcer)
    {
        if (pid == Init) return "process 1 is the host's first: its children would all inherit";
        if (pid == enforcer) return string.Create(CultureInfo.InvariantCulture, $"process {pid} is the enforcer itself");
        if (pid == Environment.ProcessId) return string.Create(CultureInfo.InvariantCulture, $"process {pid} is this command");
        return ProcessNatures.Of(pid, out int process) switch
        {
            ProcessNature.Absent => string.Create(CultureInfo.InvariantCulture, $"there is no process {pid}"),
            ProcessNature.Zombie => string.Create(CultureInfo.InvariantCulture, $"process {pid} has ended"),
            ProcessNature.Thread => string.Create(CultureInfo.InvariantCulture, $"{pid} is a thread of process {process}: give {process}, all its threads follow"),
            ProcessNature.KernelThread => string.Create(CultureInfo.InvariantCulture, $"{pid} is a thread of the kernel, which no control group can hold"),
            _ => null,
        };
    }
}
