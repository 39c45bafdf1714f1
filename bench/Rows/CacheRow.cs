using System.Globalization;
using System.Text;
using VirtualServices.Bench.Network;

namespace VirtualServices.Bench.Rows;

/// <summary>
/// An nginx with two workers that both tenants use as their proxy cache. A request costs CPU time because the body, which is in the cache as its origin sent it, is compressed for each.
/// </summary>
/// <param name="fresh">A new connection for each request; else connections stay.</param>
internal sealed class CacheRow(bool fresh) : RowSite
{
    private const int BodyBytes = 24_000;
    private NginxServer _cache = null!;

    /// <inheritdoc/>
    public override int VictimRate => 100;

    /// <inheritdoc/>
    public override IArmLoad Load(string tenant, int seconds) =>
        Ask(tenant, _cache.Port, new Question(false, "/page.txt", tenant == Victim ? 4 : 50, tenant == Victim ? VictimRate : null) { Protocol = fresh ? "fresh" : "tcp" });

    /// <inheritdoc/>
    protected override async Task SetUpAsync(CancellationToken cancel)
    {
        string folder = Path.Combine(Folder, "origin");
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "page.txt"), Page(), cancel);
        NginxServer origin = Keep(await NginxServer.StartAsync(folder, Cgroups.Folder(Shared), 1, $"root {folder};", cancel));
        _cache = Keep(await NginxServer.StartAsync(
            Path.Combine(Folder, "cache"),
            Cgroups.Folder(Shared),
            2,
            string.Create(CultureInfo.InvariantCulture, $$"""
            location / { proxy_pass http://127.0.0.1:{{origin.Port}}; proxy_cache pages; proxy_cache_valid 200 1h; gzip on; gzip_types text/plain; gzip_proxied any; gzip_comp_level 6; }
            """),
            cancel,
            $"proxy_cache_path {Folder}/pages keys_zone=pages:1m;"));
    }

    /// <inheritdoc/>
    protected override (string Services, string Gates) Governed() => (
        string.Create(CultureInfo.InvariantCulture, $$"""  - { name: cache, match: { listen: tcp/{{_cache.Port}} } }"""),
        string.Create(CultureInfo.InvariantCulture, $$"""  - { id: cache-receive, service: cache, on: receive, when: { listen: tcp/{{_cache.Port}} }, classify: requester, binds: request, state: proposed }"""));

    // Words of a small language: text compresses like text.
    private static string Page()
    {
        Random random = new(7);
        string[] words = [.. Enumerable.Range(0, 400).Select(_ => new string([.. Enumerable.Range(0, random.Next(2, 10)).Select(_ => (char)random.Next('a', 'z' + 1))]))];
        StringBuilder page = new();
        while (page.Length < BodyBytes) page.Append(words[(int)(words.Length * random.NextDouble() * random.NextDouble())]).Append(random.Next(12) == 0 ? ".\n" : " ");
        return page.ToString();
    }
}
