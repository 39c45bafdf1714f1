using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Tenants that share even the front end: a real nginx, whose clients are told apart by the name that they ask for.</summary>
[Collection(Enforcement.Name)]
public sealed class VirtualHostTests : IDisposable
{
    private const int Stop = 19, Continue = 18;

    private readonly string _folder = Directory.CreateTempSubdirectory("vs-names-").FullName;
    private readonly int _http = NginxServer.FreePort(), _https = NginxServer.FreePort(), _deferred = NginxServer.FreePort();
    private readonly NginxServer _nginx;

    public VirtualHostTests()
    {
        using RSA key = RSA.Create(2048);
        using X509Certificate2 certificate = new CertificateRequest("CN=names", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(_folder, "cert"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "key"), key.ExportPkcs8PrivateKeyPem());
        _nginx = new NginxServer(_folder, string.Create(CultureInfo.InvariantCulture, $$"""
              ssl_certificate {{_folder}}/cert; ssl_certificate_key {{_folder}}/key;
              server { listen 127.0.0.1:{{_http}}; listen 127.0.0.1:{{_https}} ssl; listen 127.0.0.1:{{_deferred}} deferred; location / { return 200 "$host"; } }
            """));
    }

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _nginx.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [RootTheory]
    [InlineData("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", "a")]
    [InlineData("GET / HTTP/1.1\r\nUser-Agent: x\r\nhOST:\t SHOP.Example:8080\r\n\r\n", "a")]
    [InlineData("POST /x HTTP/1.1\r\nHost: shop.example.\r\nContent-Length: 0\r\n\r\n", "a")]
    [InlineData("GET http://shop.example/x HTTP/1.1\r\nHost: bank.example\r\n\r\n", "a")]
    [InlineData("GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n", "b")]
    [InlineData("GET / HTTP/1.1\r\nHost: www.bank.example\r\n\r\n", "b")]
    [InlineData("GET / HTTP/1.1\r\nHost: a.b.bank.example\r\n\r\n", "b")]
    [InlineData("GET / HTTP/1.1\r\nHost: www.shop.example\r\n\r\n", "")]
    [InlineData("GET / HTTP/1.1\r\nHost: shop.example.org\r\n\r\n", "")]
    [InlineData("GET / HTTP/1.1\r\nHost: notbank.example\r\n\r\n", "")]
    [InlineData("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "")]
    [InlineData("GET / HTTP/1.1\r\nHost: www\0shop.example\r\n\r\n", null)]
    [InlineData("GET http://bank.example@shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", null)]
    [InlineData("GET shop.example HTTP/1.1\r\n\r\n", "none")]
    [InlineData("GET / HTTP/1.0\r\n\r\nHost: shop.example\r\n\r\n", null)]
    [InlineData("GET / HTTP/1.0\r\nX-Host: shop.example\r\n\r\n", null)]
    public void A_request_is_for_the_virtual_service_of_the_name_that_it_asks_for(string request, string? virtualService)
    {
        using Enforcer enforcer = Start();
        using (TcpClient client = Connect(_http)) Assert.StartsWith("HTTP/1.1 ", Ask(client.GetStream(), request), StringComparison.Ordinal);
        string charged = virtualService is null or "none" ? "" : virtualService;
        Assert.Equal([(charged, 1L)], Requests(enforcer));
        Assert.Equal(new NameUse(charged.Length > 0 ? 1 : 0, virtualService == "" ? 1 : 0, virtualService is null ? 1 : 0), enforcer.Status().Names);
    }

    [RootFact]
    public void A_long_request_is_found_by_what_stands_in_its_first_packet()
    {
        using Enforcer enforcer = Start();
        using (TcpClient client = Connect(_http)) Ask(client.GetStream(), $"GET /{new string('x', 1500)} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        Assert.Equal([("a", 1L)], Requests(enforcer));
        using (TcpClient client = Connect(_http)) Ask(client.GetStream(), $"GET /{new string('x', 3000)} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        Assert.Equal(new NameUse(1, 0, 1), enforcer.Status().Names);
        Assert.Equal([("", 1L), ("a", 1L)], Requests(enforcer));
    }

    [RootFact]
    public void Each_request_of_a_connection_is_for_the_name_that_it_asks_for()
    {
        using Enforcer enforcer = Start();
        using TcpClient client = Connect(_http);
        for (int i = 0; i < 10; i++)
            foreach (string host in (ReadOnlySpan<string>)["shop.example", "bank.example", "nobody.example"]) Ask(client.GetStream(), $"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Assert.Equal([("", 10L), ("a", 10L), ("b", 10L)], Requests(enforcer));
    }

    [RootFact]
    public void A_connection_over_tls_is_for_the_name_of_its_hello()
    {
        using Enforcer enforcer = Start();
        foreach (string name in (ReadOnlySpan<string>)["shop.example", "www.bank.example", ""])
        {
            using TcpClient client = Connect(_https);
            using SslStream tls = new(client.GetStream(), false, (_, shown, _, _) => shown?.Subject == "CN=names");
            tls.AuthenticateAsClient(new SslClientAuthenticationOptions { TargetHost = name });
            for (int i = 0; i < 3; i++) Ask(tls, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"); // encrypted: nobody sees it
        }

        (string VirtualService, long Requests)[] counted = Requests(enforcer);
        Assert.Equal(["", "a", "b"], counted.Select(one => one.VirtualService));
        Assert.All(counted, one => Assert.True(one.Requests >= 3, $"{one}"));
        Assert.Equal(new NameUse(2, 0, 1), enforcer.Status().Names);
    }

    [RootTheory]
    [InlineData(0, true)]
    [InlineData(12, false)] // inside the name
    [InlineData(60, true)]
    public void A_hello_that_arrives_in_two_packets_is_read_on_where_the_first_ends(int behind, bool known)
    {
        using Enforcer enforcer = Start();
        using TcpClient client = Connect(_https);
        client.NoDelay = true;
        using SslStream tls = new(new CutStream(client.GetStream(), behind), false, (_, shown, _, _) => shown?.Subject == "CN=names");
        tls.AuthenticateAsClient(new SslClientAuthenticationOptions { TargetHost = "shop.example" });
        Ask(tls, "GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n");
        Assert.Equal(new NameUse(known ? 1 : 0, 0, known ? 0 : 1), enforcer.Status().Names);
        Assert.Equal(known, Requests(enforcer).Any(one => one.VirtualService == "a"));
        Assert.DoesNotContain(Requests(enforcer), one => one.VirtualService == "b");
    }

    [RootFact]
    public void Bytes_that_complete_a_handshake_are_counted_as_unseen()
    {
        using Enforcer enforcer = Start();
        using (TcpClient client = Connect(_deferred)) Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        Assert.Equal([("", 1L)], Requests(enforcer));
        Assert.Equal(1, enforcer.Status().Names!.Unseen);
    }

    [RootFact]
    public void Other_rules_forget_the_names_of_those_before()
    {
        using TcpClient client = Connect(_http), secret = Connect(_https);
        using SslStream tls = new(secret.GetStream(), false, (_, shown, _, _) => shown?.Subject == "CN=names");
        using (Start())
        {
            Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
            tls.AuthenticateAsClient(new SslClientAuthenticationOptions { TargetHost = "shop.example" });
            Ask(tls, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        }

        using (Enforcer moved = Enforcer.Start(Rules([], [new Selector(SelectorKind.Host, "shop.example")]), new EnforceOptions(Audit: true), TestContext.Current.CancellationToken))
        {
            long before = Of(moved, "a"), nobodys = Of(moved, "");
            Ask(tls, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
            Assert.Equal((before, 0L, nobodys + 1), (Of(moved, "a"), Of(moved, "b"), Of(moved, ""))); // what its hello asked for cannot be read again
            Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
            Assert.Equal((before, 1L), (Of(moved, "a"), Of(moved, "b")));
        }

        using Enforcer without = Enforcer.Start(Rules([], []), new EnforceOptions(Audit: true), TestContext.Current.CancellationToken);
        Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        Assert.Equal(1L, Of(without, "b"));

        static long Of(Enforcer enforcer, string virtualService) => Requests(enforcer).Where(one => one.VirtualService == virtualService).Sum(one => one.Requests);
    }

    [RootFact]
    public void A_look_at_all_connections_keeps_their_names()
    {
        using Enforcer enforcer = Start();
        using TcpClient client = Connect(_http);
        Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        using (GateKernel kernel = GateKernel.Open(Pins.Default)) kernel.Run("list_servers");
        Assert.Equal(1, enforcer.Status().Use.Single(use => use is { Service: "web", VirtualService: "a" }).Counts.Connections);
    }

    [RootFact]
    public void Requests_that_wait_together_and_ask_for_several_names_are_nobodys()
    {
        using Enforcer enforcer = Start();
        using TcpClient client = Connect(_http);
        client.NoDelay = true;
        Child(Stop);
        client.GetStream().Write("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"u8);
        Wait.Until(() => enforcer.Status().Names!.Known == 1, "the first arrived");
        client.GetStream().Write("GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n"u8);
        Wait.Until(() => enforcer.Status().Names!.Known == 2, "the second arrived");
        Child(Continue);
        Answer(client.GetStream(), "bank.example");
        Assert.Equal([("", 1L)], Requests(enforcer));
        Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n");
        Assert.Equal([("", 1L), ("b", 1L)], Requests(enforcer));
    }

    [RootFact]
    public void What_a_process_is_counts_more_than_what_it_asks_for()
    {
        ProcessStartInfo start = new("perl", ["-MIO::Socket::INET", "-e", "<STDIN>; my $s = IO::Socket::INET->new($ARGV[0]) or die; print $s \"GET / HTTP/1.0\\r\\nHost: bank.example\\r\\n\\r\\n\"; local $/; <$s>; print 'done'", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_http}")]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using Process client = Process.Start(start)!;
        using Enforcer enforcer = Start(new Selector(SelectorKind.Pid, client.Id.ToString(CultureInfo.InvariantCulture)));
        client.StandardInput.WriteLine();
        Assert.Equal("done", client.StandardOutput.ReadToEnd());
        client.WaitForExit();
        Assert.Equal([("a", 1L)], Requests(enforcer));
    }

    [RootFact]
    public void Names_go_on_without_the_enforcer_and_are_read_no_more_when_no_rule_has_one()
    {
        Start().Dispose();
        using (TcpClient client = Connect(_http)) Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        using (Enforcer again = Start())
        {
            using (TcpClient client = Connect(_http)) Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n");
            Assert.Equal([("a", 1L), ("b", 1L)], Requests(again));
        }

        using Enforcer without = Enforcer.Start(Rules([], []), new EnforceOptions(Audit: true), TestContext.Current.CancellationToken);
        using (TcpClient client = Connect(_http)) Ask(client.GetStream(), "GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n");
        Assert.Null(without.Status().Names);
        Assert.Equal([("", 1L), ("a", 1L), ("b", 1L)], Requests(without));
    }

    private Enforcer Start(params Selector[] more) => Enforcer.Start(
        Rules([new Selector(SelectorKind.Host, "shop.example"), .. more], [new Selector(SelectorKind.Host, "bank.example"), new Selector(SelectorKind.Host, "*.bank.example")]),
        new EnforceOptions(Audit: true),
        TestContext.Current.CancellationToken);

    private RuleSet Rules(Selector[] a, Selector[] b) => new(
        [TestRules.Tenant("a", a), TestRules.Tenant("b", b), TestRules.Tenant(VirtualService.BestEffort)],
        [new Service("web", [_nginx.Selector])],
        [new Gate("g", "web", GateCall.Receive, new GateCondition(null, null), new Classification(ClassificationKind.Requester), BindScope.Request, GateState.Approved, null, GateReview.None)]);

    // By virtual service; "" is nobody's, which best effort is charged.
    private static (string VirtualService, long Requests)[] Requests(Enforcer enforcer) =>
        [.. enforcer.Status().Use.Where(use => use.Service == "web" && use.Counts.Requests > 0).Select(use => (use.VirtualService == VirtualService.BestEffort ? "" : use.VirtualService, use.Counts.Requests)).Order()];

    private void Child(int signal) => Assert.Equal(0, Tmds.Linux.LibC.kill(_nginx.Pid, signal));

    private static TcpClient Connect(int port) => new("127.0.0.1", port) { ReceiveTimeout = 10_000 };

    private static string Ask(Stream stream, string request)
    {
        stream.Write(Encoding.ASCII.GetBytes(request));
        return Answer(stream, "\r\n\r\n");
    }

    // Until the text was read, and the rest that came with it.
    private static string Answer(Stream stream, string until)
    {
        StringBuilder answer = new();
        byte[] buffer = new byte[4096];
        do
        {
            int read = stream.Read(buffer);
            Assert.NotEqual(0, read);
            answer.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
        while (!answer.ToString().Contains(until, StringComparison.Ordinal));
        return answer.ToString();
    }

    // Gives what is written first, the hello, in two packets: cut so many bytes behind the beginning of its extensions.
    private sealed class CutStream(NetworkStream stream, int behind) : Stream
    {
        private bool _cut;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => stream.Flush();

        public override int Read(byte[] buffer, int offset, int count) => stream.Read(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (_cut)
            {
                stream.Write(buffer, offset, count);
                return;
            }

            _cut = true;
            int at = 44 + buffer[offset + 43];
            at += 2 + (buffer[offset + at] << 8) + buffer[offset + at + 1];
            at += 1 + buffer[offset + at];
            int first = at + 2 + behind;
            Assert.InRange(first, 0, count - 1);
            stream.Write(buffer, offset, first);
            stream.Write(buffer, offset + first, count - first);
        }
    }
}
