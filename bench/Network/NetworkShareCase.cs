using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Network;

/// <summary>Tenants that all ask a shared server for bulk as fast as they are answered.</summary>
/// <param name="Name">What the case shows.</param>
/// <param name="Datagrams">Of the server of datagrams, which has one socket for all; else of nginx.</param>
/// <param name="Tenants">What stands in <c>network</c> of each, the name of its parent, and its connections.</param>
internal sealed record NetworkShareCase(string Name, bool Datagrams, params (string Network, string? Parent, int Connections)[] Tenants)
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);

    /// <summary>Measures what each got.</summary>
    /// <param name="link">The link.</param>
    /// <param name="enforced">False: a queue that knows no tenants instead.</param>
    /// <param name="window">How long.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task<LinkWindow> MeasureAsync(SharedLink link, bool enforced, TimeSpan window, CancellationToken cancel)
    {
        List<AskLoad> loads = [];
        try
        {
            if (!enforced) await link.ShapeAsync(cancel);
            else await link.WriteRulesAsync(cancel, [.. Tenants.Select(one => (one.Network, one.Parent))]);
            await using Enforcer? enforcer = enforced ? await Enforcer.StartAsync(link.Rules, cancel) : null;
            for (int i = 0; i < Tenants.Length; i++) loads.Add(link.Ask(i, new Question(Datagrams, Datagrams ? SharedLink.OneDatagram : SharedLink.Big, Tenants[i].Connections)));
            await Task.Delay(Settle, cancel);
            LinkWindow seen = await LinkWindow.MeasureAsync(link, window, cancel, [.. loads]);
            if (enforcer is not null) await enforcer.StopAsync(cancel);
            else await link.FreeAsync(cancel);
            foreach (AskLoad load in loads) await load.StopAsync(cancel);
            return seen;
        }
        finally
        {
            foreach (AskLoad load in loads) load.Dispose();
        }
    }
}
