using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording.Packets;

/// <summary>Tells whether this host can capture packets, by opening the loopback device; nothing is kept.</summary>
public static class PacketProbe
{
    /// <summary>Opens and closes it.</summary>
    /// <returns>Null where it works, else what is missing.</returns>
    public static VsException? Run()
    {
        try
        {
            foreach (CaptureDevice device in CaptureDevice.Open([new PacketInterface("lo")], 0)) device.Dispose();
            return null;
        }
        catch (VsException error)
        {
            return error;
        }
    }
}
