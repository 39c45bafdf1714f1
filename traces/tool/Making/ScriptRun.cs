namespace VirtualServices.Traces.Making;

/// <summary>What the script says of one run.</summary>
/// <param name="Request">Id of the request.</param>
/// <param name="Tenant">For whom.</param>
/// <param name="Pid">Process that ran it.</param>
/// <param name="BeginNs">Begin of the script, ns since 1970.</param>
/// <param name="EndNs">Its end.</param>
/// <param name="CpuBeginNs">CPU time of the process so far, at the begin.</param>
/// <param name="CpuEndNs">At the end.</param>
/// <param name="DatabasePort">Port of the database.</param>
/// <param name="ClientPort">Port from which it asked the database, as the database says.</param>
internal sealed record ScriptRun(string Request, string Tenant, int Pid, long BeginNs, long EndNs, long CpuBeginNs, long CpuEndNs, int DatabasePort, int ClientPort);
