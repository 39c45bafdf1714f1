using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Netlink;

namespace VirtualServices.Linux.Tc;

/// <summary>
/// Queueing disciplines, classes and filters of the devices of one network namespace, over rtnetlink. Not by <c>tc</c>: its batches name a line, not the kernel's
/// words for it, and a thousand classes take a process that parses text, for some 10 µs each here.
/// </summary>
public sealed class TrafficControl(RouteSocket socket)
{
    private const int TickNs = 64; // PSCHED_SHIFT

    /// <summary>All disciplines of all devices.</summary>
    public IReadOnlyList<Qdisc> Qdiscs()
    {
        List<Qdisc> all = [];
        socket.Dump(new NetlinkMessage(TcNumbers.GetQdisc, RouteSocket.FlagDump).Struct(default(TcMessage)), "list queueing disciplines", all.Clear, body =>
        {
            TcMessage message = NetlinkAttributes.Read<TcMessage>(body);
            all.Add(new Qdisc(message.Device, NetlinkAttributes.Text(NetlinkAttributes.Find(Attributes(body), TcNumbers.Kind)), new TcHandle(message.Handle), new TcHandle(message.Parent)));
        });
        return all;
    }

    /// <summary>Puts HTB on a device in place of the kernel's default.</summary>
    /// <param name="device">Index.</param>
    /// <param name="name">Name, for messages.</param>
    /// <param name="handle">Its handle.</param>
    /// <param name="defaultClass">Minor number of the class for what no filter chooses.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void AddHtb(int device, string name, TcHandle handle, ushort defaultClass)
    {
        HtbGlobal global = new() { Version = 3, RateToQuantum = 10, DefaultClass = defaultClass };
        socket.Do(
            Message(TcNumbers.NewQdisc, RouteSocket.FlagCreate | RouteSocket.FlagExclusive, device, handle, TcHandle.Root)
                .Attribute(TcNumbers.Kind, "htb").Nest(TcNumbers.Options, options => options.Attribute(TcNumbers.HtbInit, global)),
            $"put htb {handle} on device {name}");
    }

    /// <summary>Removes a device's discipline with all classes and filters; packets that wait in it are dropped. The kernel puts its default back.</summary>
    public void RemoveRoot(int device, string name, TcHandle handle) =>
        socket.Do(Message(TcNumbers.DeleteQdisc, 0, device, handle, TcHandle.Root), $"remove htb {handle} from device {name}");

    /// <summary>Adds a class, or changes the one with its number (the parent stays).</summary>
    public void SetClass(int device, string name, HtbClass one)
    {
        ArgumentNullException.ThrowIfNull(one);
        ulong rate = (ulong)Math.Max(1, one.BitsPerSecond / 8), ceiling = (ulong)Math.Max(1, one.CeilingBitsPerSecond / 8);
        HtbOptions options = new()
        {
            Rate = new RateSpecification { LinkLayer = 1, BytesPerSecond = (uint)Math.Min(rate, uint.MaxValue) },
            Ceiling = new RateSpecification { LinkLayer = 1, BytesPerSecond = (uint)Math.Min(ceiling, uint.MaxValue) },
            Buffer = Ticks(one.BurstBytes, rate),
            CeilingBuffer = Ticks(one.BurstBytes, ceiling),
            Quantum = one.Quantum,
            Priority = one.Priority,
        };
        socket.Do(
            Message(TcNumbers.NewClass, RouteSocket.FlagCreate, device, one.Handle, one.Parent).Attribute(TcNumbers.Kind, "htb").Nest(TcNumbers.Options, nest =>
            {
                nest.Attribute(TcNumbers.HtbParameters, options);
                if (rate > uint.MaxValue) nest.Attribute(TcNumbers.HtbRate64, rate);
                if (ceiling > uint.MaxValue) nest.Attribute(TcNumbers.HtbCeiling64, ceiling);
            }),
            $"set class {one.Handle} of device {name}");
    }

    /// <summary>Removes a class that has no children.</summary>
    public void RemoveClass(int device, string name, TcHandle handle) =>
        socket.Do(Message(TcNumbers.DeleteClass, 0, device, handle, default), $"remove class {handle} of device {name}");

    /// <summary>Classes of a device with what they sent.</summary>
    public IReadOnlyList<HtbClassUse> Classes(int device, string name)
    {
        List<HtbClassUse> all = [];
        socket.Dump(Message(TcNumbers.GetClass, RouteSocket.FlagDump, device, default, default), $"list classes of device {name}", all.Clear, body =>
        {
            if (NetlinkAttributes.Text(NetlinkAttributes.Find(Attributes(body), TcNumbers.Kind)) == "htb") all.Add(Read(body));
        });
        return all;
    }

    /// <summary>Makes a BPF program the filter of a discipline, in place of the one before: from one packet to the next.</summary>
    /// <param name="device">Index.</param>
    /// <param name="name">Name, for messages.</param>
    /// <param name="parent">The discipline.</param>
    /// <param name="program">A loaded program of type tc that sets <c>tc_classid</c>.</param>
    /// <param name="label">Name that tc shows.</param>
    /// <param name="otherwise">Class where the program sets none. The kernel also takes the discipline's number from it: a program says the minor number only.</param>
    public void SetFilter(int device, string name, TcHandle parent, BpfProgram program, string label, TcHandle otherwise)
    {
        ArgumentNullException.ThrowIfNull(program);
        const uint Priority = 1, Number = 1;
        NetlinkMessage message = new NetlinkMessage(TcNumbers.NewFilter, RouteSocket.FlagAcknowledge | RouteSocket.FlagCreate)
            .Struct(new TcMessage { Device = device, Handle = Number, Parent = parent.Value, Info = Priority << 16 | TcNumbers.ProtocolAllBigEndian })
            .Attribute(TcNumbers.Kind, "bpf")
            .Nest(TcNumbers.Options, options => options
                .Attribute(TcNumbers.BpfClass, otherwise.Value)
                .Attribute(TcNumbers.BpfDescriptor, (uint)program.Descriptor)
                .Attribute(TcNumbers.BpfName, label)
                .Attribute(TcNumbers.BpfFlags, TcNumbers.BpfDirectAction));
        socket.Do(message, $"set the filter of htb {parent} on device {name}");
    }

    /// <summary>Names of the BPF programs that filter for a discipline.</summary>
    public IReadOnlyList<string> Filters(int device, string name, TcHandle parent)
    {
        List<string> all = [];
        socket.Dump(Message(TcNumbers.GetFilter, RouteSocket.FlagDump, device, default, parent), $"list filters of device {name}", all.Clear, body =>
        {
            ReadOnlySpan<byte> label = NetlinkAttributes.Find(NetlinkAttributes.Find(Attributes(body), TcNumbers.Options), TcNumbers.BpfName);
            if (label.Length > 0) all.Add(NetlinkAttributes.Text(label));
        });
        return all;
    }

    private static NetlinkMessage Message(ushort type, int flags, int device, TcHandle handle, TcHandle parent) =>
        new NetlinkMessage(type, (ushort)(flags == RouteSocket.FlagDump ? flags : flags | RouteSocket.FlagAcknowledge))
            .Struct(new TcMessage { Device = device, Handle = handle.Value, Parent = parent.Value });

    // The time that the burst takes at the rate.
    private static uint Ticks(long bytes, ulong bytesPerSecond) => (uint)UInt128.Min(uint.MaxValue, (UInt128)bytes * 1_000_000_000 / bytesPerSecond / TickNs + 1);

    private static unsafe ReadOnlySpan<byte> Attributes(ReadOnlySpan<byte> body) => body.Length < sizeof(TcMessage) ? default : body[sizeof(TcMessage)..];

    private static HtbClassUse Read(ReadOnlySpan<byte> body)
    {
        TcMessage message = NetlinkAttributes.Read<TcMessage>(body);
        ReadOnlySpan<byte> attributes = Attributes(body), options = NetlinkAttributes.Find(attributes, TcNumbers.Options), statistics = NetlinkAttributes.Find(attributes, TcNumbers.Statistics2);
        HtbOptions parameters = NetlinkAttributes.Read<HtbOptions>(NetlinkAttributes.Find(options, TcNumbers.HtbParameters));
        ulong rate = NetlinkAttributes.Read<ulong>(NetlinkAttributes.Find(options, TcNumbers.HtbRate64)), ceiling = NetlinkAttributes.Read<ulong>(NetlinkAttributes.Find(options, TcNumbers.HtbCeiling64));
        BasicStatistics basic = NetlinkAttributes.Read<BasicStatistics>(NetlinkAttributes.Find(statistics, TcNumbers.StatisticsBasic));
        ulong packets = NetlinkAttributes.Read<ulong>(NetlinkAttributes.Find(statistics, TcNumbers.StatisticsPackets64));
        QueueStatistics queue = NetlinkAttributes.Read<QueueStatistics>(NetlinkAttributes.Find(statistics, TcNumbers.StatisticsQueue));
        return new HtbClassUse(
            new TcHandle(message.Handle),
            new TcHandle(message.Parent),
            (int)parameters.Level,
            8 * (long)(rate > 0 ? rate : parameters.Rate.BytesPerSecond),
            8 * (long)(ceiling > 0 ? ceiling : parameters.Ceiling.BytesPerSecond),
            (long)basic.Bytes,
            (long)(packets > 0 ? packets : basic.Packets),
            queue.Drops,
            queue.Backlog);
    }
}
