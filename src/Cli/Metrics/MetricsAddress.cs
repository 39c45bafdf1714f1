using System.Net;
using VirtualServices.Model;

namespace VirtualServices.Cli.Metrics;

/// <summary>Where metrics are served: an address of this host and a port.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">1..65535.</param>
internal sealed record MetricsAddress(IPAddress Address, int Port)
{
    /// <summary>Only processes of this host can ask.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(Address);

    /// <summary>Name or address as a URL has it; <c>*</c> for any address.</summary>
    public string Host => Address.Equals(IPAddress.Any) || Address.Equals(IPAddress.IPv6Any) ? "*" : Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{Address}]" : Address.ToString();

    /// <summary>Reads <c>127.0.0.1:9464</c> or <c>[::1]:9464</c>.</summary>
    public static MetricsAddress Parse(string text) => Endpoint.TryParse(text, out Endpoint endpoint) && endpoint.Address is { } address && endpoint.Port > 0
        ? new MetricsAddress(address, endpoint.Port)
        : throw new VsException(ExitCode.Usage, $"--metrics '{text}' is not an address with a port, such as 127.0.0.1:9464 or [::1]:9464");

    /// <inheritdoc/>
    public override string ToString() => new Endpoint(Address, Port, "").ToString();
}
