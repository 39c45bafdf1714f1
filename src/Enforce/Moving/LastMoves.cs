namespace VirtualServices.Enforce.Moving;

/// <summary>
/// When the last re-bind happened that was served for a process or thread. Re-binds of one process on two processors are served by two threads, perhaps in the wrong order, but never more than moments apart:
/// a table of fixed size that forgets what shares its place is enough, and the comparison of all tags with all groups corrects what it forgot too soon.
/// </summary>
internal sealed class LastMoves
{
    private const int Places = 4096;
    private readonly (uint Id, bool Thread, ulong AtNs)[] _places = new (uint, bool, ulong)[Places];

    /// <summary>Notes a re-bind.</summary>
    /// <param name="id">The process or thread.</param>
    /// <param name="thread">Which of the two.</param>
    /// <param name="atNs">CLOCK_MONOTONIC, ns.</param>
    /// <returns>False where a later one of it was served already: then this one is void.</returns>
    public bool IsNewer(uint id, bool thread, ulong atNs)
    {
        ref (uint Id, bool Thread, ulong AtNs) place = ref _places[id % Places];
        if (place.Id == id && place.Thread == thread && place.AtNs > atNs) return false;
        place = (id, thread, atNs);
        return true;
    }
}
