namespace VirtualServices.Enforce;

/// <summary>A virtual service at a service whose requests are admitted.</summary>
/// <param name="VirtualService">Its name.</param>
/// <param name="Service">Name of the service.</param>
/// <param name="Held">Connections that are held now.</param>
/// <param name="HeldWaiting">Of these: a request waits on them.</param>
/// <param name="Admitted">Connections that were held and may go on now.</param>
/// <param name="Waiting">Connections with bytes that the service has not read, held or not.</param>
/// <param name="InService">Requests that were read and not answered.</param>
/// <param name="Requests">Requests that were read since the enforcer started.</param>
/// <param name="DelayNs">Sum of the times from their first byte to their being read.</param>
/// <param name="CpuNs">CPU time that the service used for it since the enforcer started.</param>
public sealed record AdmissionUse(string VirtualService, string Service, int Held, int HeldWaiting, int Admitted, long Waiting, long InService, long Requests, long DelayNs, long CpuNs);
