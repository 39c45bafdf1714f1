using System.Runtime.InteropServices;
using System.Text;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Addresses that were read lately, by their text: both ends of a connection name the same two, and servers' come up again and again.</summary>
internal sealed class RecentEndpoints
{
    private const int Kept = 1 << 12;

    private readonly (string Text, Endpoint End)[] _known = new (string, Endpoint)[Kept];

    /// <summary>The address that a text names.</summary>
    /// <returns>False where it names none.</returns>
    public bool TryParse(ReadOnlySpan<char> text, out Endpoint end)
    {
        ref (string Text, Endpoint End) known = ref _known[(uint)string.GetHashCode(text) % Kept];
        end = known.End;
        if (known.Text is not null && text.SequenceEqual(known.Text)) return true;
        string fresh = Encoding.Unicode.GetString(MemoryMarshal.AsBytes(text)); // what is no character is replaced
        if (!SessionText.TryParseEndpoint(fresh, out end)) return false;
        known = (fresh, end);
        return true;
    }
}
