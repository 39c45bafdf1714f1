namespace VirtualServices.Infer.Turns;

/// <summary>For whom a request is, as far as one session shows. Which services are front doors is known only when all sessions have been read, so both answers are carried.</summary>
/// <param name="Service">Party id of the first recorded service on the way; it is the tenant where it turns out to be a front end. -1 for none.</param>
/// <param name="Outside">Party id of whoever that was not recorded asked that service; the tenant where the service turns out to be shared. -1 where unknown.</param>
/// <param name="Known">1 + index of a virtual service that the source itself knows; 0 for none. It wins.</param>
internal readonly record struct Origin(int Service, int Outside, int Known)
{
    public static readonly Origin Unknown = new(-1, -1, 0);
}
