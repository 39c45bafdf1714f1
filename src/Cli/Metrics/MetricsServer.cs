using System.Net;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Cli.Metrics;

/// <summary>Serves the metrics of this process to Prometheus at <c>/metrics</c>.</summary>
internal sealed class MetricsServer : IDisposable
{
    private readonly StatusSource _source;
    private readonly EnforcementMeter _meter;
    private readonly MeterProvider _provider;

    private MetricsServer(StatusSource source, EnforcementMeter meter, MeterProvider provider) => (_source, _meter, _provider) = (source, meter, provider);

    /// <summary>Starts to listen.</summary>
    /// <exception cref="VsException">The address cannot be listened at.</exception>
    public static MetricsServer Start(MetricsAddress address, Func<EnforcementStatus> read, TimeProvider clock)
    {
        StatusSource source = new(read, clock);
        EnforcementMeter meter = new(source);
        try
        {
            MeterProvider provider = Sdk.CreateMeterProviderBuilder()
                .AddMeter(EnforcementMeter.Name, EnforcerInstruments.MeterName)
                .AddPrometheusHttpListener(options =>
                {
                    options.Host = address.Host;
                    options.Port = address.Port;
                    options.ScopeInfoEnabled = false;
                    options.TargetInfoEnabled = false;
                })
                .Build();
            return new MetricsServer(source, meter, provider);
        }
        catch (Exception error) when (error is HttpListenerException or System.Net.Sockets.SocketException or InvalidOperationException or ArgumentException)
        {
            meter.Dispose();
            source.Dispose();
            throw new VsException(ExitCode.HostLacks, $"cannot serve metrics at {address}: {error.Message}; choose another address with --metrics", error);
        }
    }

    public void Dispose()
    {
        _source.Dispose();
        _provider.Dispose();
        _meter.Dispose();
    }
}
