using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using VirtualServices.Enforce.Admission;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Network;
using VirtualServices.Enforce.Waiting;

namespace VirtualServices.Enforce.Tests;

public sealed class KernelTypesTests
{
    private static readonly (Type Managed, string Native)[] Pairs =
    [
        (typeof(Control), "control"), (typeof(NetworkUse), "network_use"), (typeof(NetworkClass), "network_class"), (typeof(NetworkDeviceKey), "network_device_key"), (typeof(NetworkDeviceRecord), "network_device"), (typeof(InetKey), "inet_key"), (typeof(UnixKey), "unix_key"), (typeof(RuleKey), "rule_key"), (typeof(Rule), "rule"),
        (typeof(GateStats), "gate_stats"), (typeof(AccountKey), "account_key"), (typeof(Account), "account"), (typeof(ShareRecord), "vs_share"), (typeof(ProcessKey), "process_key"), (typeof(ProcessAccount), "process_account"),
        (typeof(RebindEvent), "rebind_event"), (typeof(Assignment), "assignment"), (typeof(TaskRecord), "task_record"), (typeof(ServerRecord), "server_record"),
        (typeof(ConnectionRecord), "connection_record"), (typeof(MemberKey), "member_key"), (typeof(MemberName), "member_name"), (typeof(Member), "member"), (typeof(ClientKey), "client_key"), (typeof(NameKey), "name_key"), (typeof(ServiceCalls), "service_calls"), (typeof(LimitRecord), "limit"), (typeof(VsCounter), "vs_counter"), (typeof(CounterUse), "counter_use"),
        (typeof(Cell), "cell"), (typeof(Station), "station"), (typeof(AdmissionEvent), "admission_event"), (typeof(AdmissionRecord), "admission_record"), (typeof(ConnectionState), "admission_connection"), (typeof(DoorKey), "door_key"), (typeof(WaiterRecord), "waiter"),
    ];

    /// <summary>The compiler of the BPF programs itself compares: each size, and the offset of each field in order.</summary>
    [Fact]
    public void Structs_are_laid_out_as_in_the_header()
    {
        StringBuilder source = new("typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32; typedef unsigned long long __u64; typedef signed long long __s64;\n#include \"gates.h\"\n#include \"shares.h\"\n#include \"admission.h\"\n#include \"waiting.h\"\n");
        foreach ((Type managed, string native) in Pairs)
        {
            source.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"_Static_assert(sizeof(struct {native}) == {SizeOf(managed)}, \"size of {native}\");");
            string[] names = FieldsOf(native);
            FieldInfo[] fields = managed.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
            Assert.Equal(names.Length, fields.Length);
            long offset = 0;
            for (int i = 0; i < names.Length; i++)
            {
                long alignment = fields[i].FieldType == typeof(ulong) || fields[i].FieldType == typeof(long) ? 8 : fields[i].FieldType == typeof(uint) || fields[i].FieldType.IsEnum ? 4 : 1;
                offset = (offset + alignment - 1) / alignment * alignment;
                source.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"_Static_assert(__builtin_offsetof(struct {native}, {names[i]}) == {offset}, \"{native}.{names[i]}\");");
                offset += SizeOf(fields[i].FieldType);
            }
        }

        (int code, string errors) = Compile(source.ToString());
        Assert.True(code == 0, errors);
    }

    private static int SizeOf(Type type) => (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    private static string[] FieldsOf(string native)
    {
        string text = File.ReadAllText(Path.Combine(BpfFolder(), "gates.h")) + File.ReadAllText(Path.Combine(BpfFolder(), "shares.h")) + File.ReadAllText(Path.Combine(BpfFolder(), "admission.h")) + File.ReadAllText(Path.Combine(BpfFolder(), "waiting.h"));
        string body = text.Split($"struct {native} {{")[1].Split("\n};")[0];
        return [.. body.Split('\n').Select(line => line.Split(';')[0].Trim()).Where(line => line.StartsWith("__u", StringComparison.Ordinal) || line.StartsWith("__s", StringComparison.Ordinal) || line.StartsWith("char", StringComparison.Ordinal)).Select(line => line.Split(' ', '\t')[^1].Split('[')[0])];
    }

    private static (int Code, string Errors) Compile(string source)
    {
        ProcessStartInfo start = new("clang") { RedirectStandardInput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-target", "bpf", "-fsyntax-only", "-I", BpfFolder(), "-x", "c", "-"]) start.ArgumentList.Add(argument);
        using Process clang = Process.Start(start)!;
        clang.StandardInput.Write(source);
        clang.StandardInput.Close();
        string errors = clang.StandardError.ReadToEnd();
        clang.WaitForExit();
        return (clang.ExitCode, errors);
    }

    private static string BpfFolder([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../bpf"));
}
