namespace VirtualServices.Model;

/// <summary>What carries a connection.</summary>
public enum TransportProtocol : byte
{
    /// <summary>Not known.</summary>
    None,

    /// <summary>TCP over IPv4 or IPv6.</summary>
    Tcp,

    /// <summary>UDP over IPv4 or IPv6.</summary>
    Udp,

    /// <summary>A unix domain socket.</summary>
    Unix,

    /// <summary>A pipe or FIFO.</summary>
    Pipe,

    /// <summary>An eventfd: a counter by which threads wake each other. Its number is used again as soon as it is closed.</summary>
    Eventfd,
}
