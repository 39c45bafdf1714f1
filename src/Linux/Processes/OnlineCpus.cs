using System.Globalization;

namespace VirtualServices.Linux.Processes;

/// <summary>CPUs of the machine. Not Environment.ProcessorCount: that is what this process may use, and shares are of the whole machine.</summary>
public static class OnlineCpus
{
    private const string List = "/sys/devices/system/cpu/online";

    /// <summary>How many there are.</summary>
    public static int Count() => File.Exists(List) ? Count(File.ReadAllText(List)) : Environment.ProcessorCount;

    /// <summary>Counts the CPUs of a list such as <c>0-3,6</c>.</summary>
    public static int Count(string list)
    {
        ArgumentNullException.ThrowIfNull(list);
        int count = 0;
        foreach (string part in list.Trim().Split(','))
        {
            string[] ends = part.Split('-');
            count += int.Parse(ends[^1], CultureInfo.InvariantCulture) - int.Parse(ends[0], CultureInfo.InvariantCulture) + 1;
        }

        return count;
    }
}
