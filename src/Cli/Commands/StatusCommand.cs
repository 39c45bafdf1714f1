using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs status</c>: what is enforced now, from the kernel.</summary>
internal static class StatusCommand
{
    public static Command Create(CommandContext context)
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var command = new VsCommand(
            "status",
            "Tells what is enforced now: CPU time, processes and connections per virtual service and service, calls and re-binds per gate, and how fast processes are moved. Works when the enforcer is dead, too.",
            "vs status\nvs status --json")
        { json };
        command.Run(result => Run(result.GetValue(json), context));
        return command;
    }

    internal static ExitCode Run(bool json, CommandContext context)
    {
        EnforcementStatus status = StatusReader.Read();
        if (json) StatusJson.Write(context.Out, status);
        else WriteText(context, status);
        return ExitCode.Done;
    }

    internal static void WriteText(CommandContext context, EnforcementStatus status)
    {
        context.Out.WriteLine(StatusReader.Describe(status));
        if (status.Enforcer == EnforcerState.None) return;
        context.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(status.Since is { } since ? $"since {since:u}, " : "")}rule set {status.Generation}, CPU shares: {status.CpuShares}"));
        Table use = Counts("virtual service", "service");
        foreach (ServiceUse one in status.Use) AddRow(use, Escape(one.VirtualService, "(unknown)"), Escape(one.Service, "(front door)"), one.Counts);
        context.Console.Write(use);
        WriteTotals(context, status);
        WriteAdmission(context, status);
        WriteLimits(context, status);
        if (status.Names is { } names) context.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"names asked for: {names.Known} of front doors, {names.WithoutRule} that no front door has, {names.Unseen} that cannot be seen"));
        string[] assigned = [.. status.Processes.Where(process => process.Membership is Membership.Assigned or Membership.OfAssigned).Select(process => string.Create(CultureInfo.InvariantCulture, $"{process.Pid} ({Printable.Text(process.Comm)}) to {process.VirtualService}"))];
        if (assigned.Length > 0) context.Out.WriteLine($"assigned by 'vs assign': {string.Join(", ", assigned)}");
        if (status.Gates.Count > 0)
        {
            var gates = new Table().AddColumn("gate").AddColumn("calls", Right).AddColumn("re-binds", Right).AddColumn("requester unknown", Right);
            foreach (GateCount gate in status.Gates) gates.AddRow(Markup.Escape(gate.Id), Number(gate.Hits), Number(gate.Rebinds), Number(gate.Unknown));
            context.Console.Write(gates);
        }

        WriteDevices(context, status);
        MoverStatus mover = status.Mover;
        context.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"moved {mover.Moved} after a re-bind in {mover.P50Ns / 1e3:F0} µs (median), {mover.P99Ns / 1e3:F0} µs (p99), {mover.MaxNs / 1e3:F0} µs (longest); {mover.Reconciled} by comparison, {mover.Gone} had ended, {mover.Failed} failed{(mover.LastError.Length > 0 ? $" ({mover.LastError})" : "")}"));
    }

    // A parent inherits the statistics of its children; without parents the table above says it all.
    private static void WriteTotals(CommandContext context, EnforcementStatus status)
    {
        HashSet<string> parents = [.. status.VirtualServices.Select(vs => vs.Parent).Where(parent => parent.Length > 0)];
        if (parents.Count == 0) return;
        Table totals = Counts("parent, in all", "of");
        foreach (VirtualServiceUse vs in status.VirtualServices.Where(vs => parents.Contains(vs.Name)))
            AddRow(totals, Markup.Escape(vs.Name), Markup.Escape(string.Join(", ", status.VirtualServices.Where(child => child.Parent == vs.Name).Select(child => child.Name))), vs.Total);
        context.Console.Write(totals);
    }

    private static void WriteAdmission(CommandContext context, EnforcementStatus status)
    {
        if (status.Admission.Count == 0) return;
        var admission = new Table().AddColumn("requests of").AddColumn("at").AddColumn("conns held", Right).AddColumn("with request", Right).AddColumn("let in", Right).AddColumn("mean wait ms", Right);
        foreach (AdmissionUse use in status.Admission)
            admission.AddRow(Markup.Escape(use.VirtualService), Markup.Escape(use.Service), Number(use.Held), Number(use.HeldWaiting), Number(use.Admitted), use.Requests == 0 ? "-" : (use.DelayNs / 1e6 / use.Requests).ToString("F2", CultureInfo.InvariantCulture));
        context.Console.Write(admission);
    }

    private static void WriteLimits(CommandContext context, EnforcementStatus status)
    {
        if (status.Limits.Count == 0) return;
        var limits = new Table().AddColumn("limit").AddColumn("of").AddColumn("used", Right).AddColumn("limit", Right).AddColumn("met", Right).AddColumn("then");
        foreach (LimitUse limit in status.Limits)
            limits.AddRow(Markup.Escape(limit.VirtualService), limit.What, Number(limit.Used), Number(limit.Limit), Number(limit.Hits), Markup.Escape(limit.OnLimit));
        context.Console.Write(limits);
    }

    private static Table Counts(string first, string second) => new Table().AddColumn(first, column => column.NoWrap = true).AddColumn(second)
        .AddColumn("CPU s", Right).AddColumn("wait s", Right).AddColumn("reqs", Right).AddColumn("binds", Right).AddColumn("procs", Right).AddColumn("conns", Right);

    private static void AddRow(Table table, string first, string second, UseCounts counts) =>
        table.AddRow(first, second, Seconds(counts.CpuNs), Seconds(counts.WaitNs), Number(counts.Requests), Number(counts.Rebinds), Number(counts.Processes), Number(counts.Connections));

    private static void WriteDevices(CommandContext context, EnforcementStatus status)
    {
        if (status.Devices.Count == 0) return;
        var devices = new Table().AddColumns("device", "virtual service").AddColumn("share mbit/s", Right).AddColumn("max mbit/s", Right).AddColumn("sent MB", Right).AddColumn("dropped", Right);
        foreach (DeviceUse device in status.Devices)
        {
            string name = Markup.Escape(device.NetworkNamespace.Length > 0 ? $"{device.Device}@{device.NetworkNamespace}" : device.Device);
            if (device.Refusal.Length > 0) devices.AddRow(name, Markup.Escape($"not governed: {device.Refusal}"));
            foreach (DeviceShareUse share in device.Shares)
                devices.AddRow(name, Markup.Escape(share.VirtualService), Millions(share.BitsPerSecond), Millions(share.MaxBitsPerSecond), Millions(share.Bytes), Number(share.Drops));
        }

        context.Console.Write(devices);
    }

    private static string Millions(long number) => (number / 1e6).ToString("F1", CultureInfo.InvariantCulture);

    private static void Right(TableColumn column) => column.Alignment = Justify.Right;

    private static string Escape(string text, string empty) => Markup.Escape(text.Length > 0 ? text : empty);

    private static string Seconds(long nanoseconds) => (nanoseconds / 1e9).ToString("F2", CultureInfo.InvariantCulture);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
