namespace VirtualServices.Enforce;

/// <summary>A governed network device.</summary>
/// <param name="Device">Name.</param>
/// <param name="NetworkNamespace">Name or path of its namespace; empty for the enforcer's own.</param>
/// <param name="BitsPerSecond">Rate that is shared out.</param>
/// <param name="Refusal">Why it is not governed; empty where it is.</param>
/// <param name="Shares">Per virtual service; a parent's numbers contain its children's.</param>
public sealed record DeviceUse(string Device, string NetworkNamespace, long BitsPerSecond, string Refusal, IReadOnlyList<DeviceShareUse> Shares);

/// <summary>A virtual service on a device, since the device is governed.</summary>
/// <param name="VirtualService">Name.</param>
/// <param name="BitsPerSecond">Rate that it gets while everybody wants to send.</param>
/// <param name="MaxBitsPerSecond">Rate that it gets at most.</param>
/// <param name="Bytes">Sent.</param>
/// <param name="Packets">Sent.</param>
/// <param name="Drops">Packets not sent, for its queue was full.</param>
/// <param name="BacklogBytes">Waiting now.</param>
public sealed record DeviceShareUse(string VirtualService, long BitsPerSecond, long MaxBitsPerSecond, long Bytes, long Packets, long Drops, long BacklogBytes);

/// <summary>What a virtual service gave to governed devices to send, since the enforcement began; devices that are gone included.</summary>
/// <param name="VirtualService">Name; empty for packets of nobody, which are sent as best effort.</param>
/// <param name="Bytes">Bytes on the wire.</param>
/// <param name="Packets">Packets; one that the device cuts up counts once.</param>
/// <param name="Dropped">Datagrams among them that were dropped, for they would have filled the send buffer of a socket that works for others, too.</param>
public sealed record NetworkTotal(string VirtualService, long Bytes, long Packets, long Dropped);
