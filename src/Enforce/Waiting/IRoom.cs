namespace VirtualServices.Enforce.Waiting;

/// <summary>Limits with <c>onLimit: block</c>, as waiting calls see them. A place is a counter of sockets or of processes with such a limit.</summary>
internal interface IRoom
{
    /// <summary>The places that a thread's call has to have room in; empty where it need not wait any more: it is not known, or the rules changed.</summary>
    uint[] Wanted(uint thread);

    /// <summary>How many more fit into a place; 0 or less where it is full.</summary>
    long Free(uint place);
}
