using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("VirtualServices.Traces.Tests")]
