using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("VirtualServices.Cli.Tests")]
[assembly: InternalsVisibleTo("VirtualServices.EndToEnd")]
[assembly: InternalsVisibleTo("VirtualServices.Bench")]
[assembly: InternalsVisibleTo("VirtualServices.Traces")]
[assembly: InternalsVisibleTo("VirtualServices.Traces.Tests")]
