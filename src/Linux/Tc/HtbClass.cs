namespace VirtualServices.Linux.Tc;

/// <summary>A class of the discipline HTB (tc-htb(8)): gets its rate for certain, and up to its ceiling what its siblings leave, by quantum.</summary>
/// <param name="Handle">Number of the class.</param>
/// <param name="Parent">The class above, or the discipline.</param>
/// <param name="BitsPerSecond">Rate, from 8.</param>
/// <param name="CeilingBitsPerSecond">Upper bound, at least the rate.</param>
/// <param name="BurstBytes">Sent at once after a pause.</param>
/// <param name="Quantum">Bytes that it may send before the next class that borrows has its turn; less than a packet counts as a packet.</param>
/// <param name="Priority">What siblings leave goes to the classes with the least number first, 0 to 7. A class with children has none.</param>
public sealed record HtbClass(TcHandle Handle, TcHandle Parent, long BitsPerSecond, long CeilingBitsPerSecond, long BurstBytes, uint Quantum, uint Priority);

/// <summary>What a class has sent since it was made.</summary>
/// <param name="Handle">Number of the class.</param>
/// <param name="Parent">The class above, or the discipline.</param>
/// <param name="Level">0 for a class that queues; above for one that has children.</param>
/// <param name="BitsPerSecond">Rate.</param>
/// <param name="CeilingBitsPerSecond">Upper bound.</param>
/// <param name="Bytes">Sent.</param>
/// <param name="Packets">Sent.</param>
/// <param name="Drops">Not sent, for the queue was full.</param>
/// <param name="BacklogBytes">Waiting now.</param>
public sealed record HtbClassUse(TcHandle Handle, TcHandle Parent, int Level, long BitsPerSecond, long CeilingBitsPerSecond, long Bytes, long Packets, long Drops, long BacklogBytes);
