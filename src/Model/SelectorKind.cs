namespace VirtualServices.Model;

/// <summary>How processes are chosen: by a recording's <c>--service</c> selector, a service's match or a front door.</summary>
public enum SelectorKind
{
    /// <summary>A systemd unit, such as <c>shop-web.service</c>: the processes in the unit's cgroup and below it.</summary>
    Unit,

    /// <summary>A cgroup path from the hierarchy's root, such as <c>/system.slice/x.service</c>; its descendants belong to it.</summary>
    Cgroup,

    /// <summary>A numeric user id.</summary>
    Uid,

    /// <summary>The absolute path of the executable.</summary>
    Exe,

    /// <summary>A process id and its descendants.</summary>
    Pid,

    /// <summary>A listening address (<see cref="ListenAddress"/>): the processes that hold the listening socket, and their descendants.</summary>
    Listen,

    /// <summary>A client network in CIDR notation; a front door only, it chooses connections and not processes.</summary>
    Client,

    /// <summary>The name that a client asks for (<see cref="HostName"/>), by HTTP or TLS; a front door only, it chooses connections and not processes.</summary>
    Host,
}
