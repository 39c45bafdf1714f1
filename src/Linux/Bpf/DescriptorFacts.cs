using System.Globalization;

namespace VirtualServices.Linux.Bpf;

/// <summary>What the kernel tells of a descriptor of our own, one <c>name:&lt;tab&gt;number</c> a line.</summary>
internal static class DescriptorFacts
{
    /// <summary>One number.</summary>
    /// <exception cref="InvalidDataException">The kernel does not tell it.</exception>
    public static long Number(int fd, string name)
    {
        string file = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{fd}");
        string line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal)) ?? throw new InvalidDataException($"{file} has no {name}");
        return long.Parse(line.AsSpan(name.Length + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
    }
}
