using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Admission;

/// <summary>A process whose connections may be held.</summary>
internal sealed class AdmissionProcess(int pid, ulong started, AdmissionPlace place, BpfLink list) : IDisposable
{
    /// <summary>When it started: with the pid this names it for good.</summary>
    public ulong Started { get; } = started;

    /// <summary>Where its turns are admitted.</summary>
    public AdmissionPlace Place { get; } = place;

    /// <summary>Lists its connections.</summary>
    public BpfLink List { get; } = list;

    /// <summary>A descriptor of the process: it cannot become another one with the same number.</summary>
    public int Descriptor { get; } = ConnectionDescriptor.OpenProcess(pid);

    /// <inheritdoc/>
    public void Dispose()
    {
        List.Dispose();
        ConnectionDescriptor.CloseProcess(Descriptor);
    }
}

/// <summary>A station and its number in the kernel.</summary>
/// <param name="Index">Entry in <c>admission_stations</c>.</param>
/// <param name="Service">Service that is admitted to.</param>
/// <param name="Station">The decisions.</param>
internal sealed record AdmissionPlace(int Index, uint Service, AdmissionStation Station);
