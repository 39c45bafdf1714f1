using System.ComponentModel;

namespace VirtualServices.Linux.Netlink;

/// <summary>The kernel refused a request over netlink.</summary>
public sealed class NetlinkException : Exception
{
    internal NetlinkException(string operation, int errno, string kernelSays)
        : base($"cannot {operation}: {(kernelSays.Length > 0 ? $"{kernelSays} ({new Win32Exception(errno).Message})" : new Win32Exception(errno).Message)}")
    {
        Errno = errno;
        KernelSays = kernelSays;
    }

    /// <summary>Positive errno.</summary>
    public int Errno { get; }

    /// <summary>The kernel's own words (extended acknowledgement); empty where it had none.</summary>
    public string KernelSays { get; }
}
