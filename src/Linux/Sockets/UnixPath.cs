using System.Text;
using VirtualServices.Model;

namespace VirtualServices.Linux.Sockets;

/// <summary>Names of unix sockets as the kernel has them.</summary>
public static class UnixPath
{
    /// <summary>A path as <see cref="Endpoint"/> spells it: an abstract name starts with '@' and its own NULs become '@', as in /proc/net/unix; a relative path begins with "./".</summary>
    /// <param name="name">The bytes of <c>sun_path</c> that the address has.</param>
    public static Endpoint Read(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty) return Endpoint.None;
        if (name[0] != 0)
        {
            int end = name.IndexOf((byte)0);
            string path = Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
            return new Endpoint(null, 0, path[0] is '/' or '@' ? path : "./" + path);
        }

        return new Endpoint(null, 0, Encoding.UTF8.GetString(name).Replace('\0', '@'));
    }
}
