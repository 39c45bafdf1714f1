using System.Globalization;
using VirtualServices.Rules;

namespace VirtualServices.Cli;

/// <summary>CPUs of the machine. Not Environment.ProcessorCount: that is what this process may use, and shares are of the whole machine.</summary>
internal static class OnlineCpus
{
    private const string List = "/sys/devices/system/cpu/online";

    public static HostCapacity Capacity() => new(File.Exists(List) ? Count(File.ReadAllText(List)) : Environment.ProcessorCount);

    /// <summary>Counts the CPUs of a list such as <c>0-3,6</c>.</summary>
    internal static int Count(string list)
    {
        int count = 0;
        foreach (string part in list.Trim().Split(','))
        {
            string[] ends = part.Split('-');
            count += int.Parse(ends[^1], CultureInfo.InvariantCulture) - int.Parse(ends[0], CultureInfo.InvariantCulture) + 1;
        }

        return count;
    }
}
