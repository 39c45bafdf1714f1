using System.IO.Enumeration;

namespace VirtualServices.Model;

/// <summary>Network devices whose sending side is shared out among the virtual services.</summary>
/// <param name="Name">Name of the device, or a pattern with <c>*</c> and <c>?</c>.</param>
/// <param name="NetworkNamespace">Name below /run/netns (a pattern, too) or absolute path of a namespace's file; empty for the namespace of the enforcer.</param>
/// <param name="BitsPerSecond">Rate to share out; null: what the driver says.</param>
public sealed record GovernedDevice(string Name, string NetworkNamespace = "", long? BitsPerSecond = null)
{
    /// <summary>True where the name stands for any number of devices.</summary>
    public bool IsPattern => IsPatternText(Name) || IsPatternText(NetworkNamespace);

    /// <summary>Whether this means a device.</summary>
    /// <param name="name">Name of the device.</param>
    /// <param name="networkNamespace">Name or path of its namespace.</param>
    public bool Matches(string name, string networkNamespace) => Means(Name, name) && Means(NetworkNamespace, networkNamespace);

    /// <summary>Whether a pattern means a text.</summary>
    public static bool Means(string pattern, string text) => FileSystemName.MatchesSimpleExpression(pattern, text, ignoreCase: false);

    /// <summary>As the command line takes it: <c>eth0</c>, <c>eth0@shop</c>.</summary>
    public override string ToString() => NetworkNamespace.Length > 0 ? $"{Name}@{NetworkNamespace}" : Name;

    private static bool IsPatternText(string text) => text.AsSpan().IndexOfAny('*', '?') >= 0;
}
