using System.Runtime.CompilerServices;
using System.Runtime.Versioning;

[assembly: SupportedOSPlatform("linux")]
[assembly: InternalsVisibleTo("VirtualServices.Cli.Tests")]
[assembly: InternalsVisibleTo("VirtualServices.EndToEnd")]
[assembly: InternalsVisibleTo("VirtualServices.Bench")]
