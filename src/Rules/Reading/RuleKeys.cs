namespace VirtualServices.Rules.Reading;

/// <summary>Every key that the rule language knows, by the object it stands in. A test holds this against the JSON Schema.</summary>
internal static class RuleKeys
{
    public static readonly string[] Root = ["version", "virtualServices", "services", "gates", "network"];
    public static readonly string[] NetworkDevices = ["devices"];
    public static readonly string[] NetworkDevice = ["name", "netns", "rate"];
    public static readonly string[] VirtualService = ["name", "parent", "priority", "cpu", "network", "limits", "frontDoors"];
    public static readonly string[] Cpu = ["weight", "max"];
    public static readonly string[] Network = ["weight", "assured", "max"];
    public static readonly string[] Limits = ["processes", "sockets", "onLimit"];
    public static readonly string[] FrontDoor = ["unit", "cgroup", "uid", "exe", "pid", "listen", "client", "host"];
    public static readonly string[] Match = ["unit", "cgroup", "uid", "exe", "pid", "listen"];
    public static readonly string[] Service = ["name", "match"];
    public static readonly string[] Gate = ["id", "service", "on", "when", "classify", "binds", "state", "evidence", "review"];
    public static readonly string[] When = ["listen", "requester"];
    public static readonly string[] Evidence =
        ["sessions", "observed", "agreed", "contradicted", "unknown", "lostEvents", "confidence", "pattern", "samples", "counterExamples"];
    public static readonly string[] Sample = ["session", "ts", "pid", "conn", "requester", "what"];
    public static readonly string[] Review = ["by", "at", "note", "digest"];

    /// <summary>The same by the name of the schema's definition.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> ByDefinition = new Dictionary<string, string[]>
    {
        ["root"] = Root,
        ["networkDevices"] = NetworkDevices,
        ["networkDevice"] = NetworkDevice,
        ["virtualService"] = VirtualService,
        ["cpu"] = Cpu,
        ["network"] = Network,
        ["limits"] = Limits,
        ["frontDoor"] = FrontDoor,
        ["match"] = Match,
        ["service"] = Service,
        ["gate"] = Gate,
        ["when"] = When,
        ["evidence"] = Evidence,
        ["sample"] = Sample,
        ["review"] = Review,
    };
}
