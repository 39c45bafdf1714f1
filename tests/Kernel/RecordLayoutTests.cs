using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using VirtualServices.Discover.Recording;

namespace VirtualServices.Kernel.Tests;

/// <summary>The structs that C# declares must lie in memory as those of the compiled object do; the object tells (BTF).</summary>
public sealed class RecordLayoutTests
{
    [Theory]
    [InlineData("ring_event", typeof(RingEvent))]
    [InlineData("peer_address", typeof(PeerAddress))]
    [InlineData("ring_datagram", typeof(RingDatagram))]
    [InlineData("eventfd_request", typeof(EventfdRequest))]
    [InlineData("ring_socket", typeof(RingSocket))]
    [InlineData("ring_process", typeof(RingProcess))]
    [InlineData("ring", typeof(Ring))]
    [InlineData("ring_slot", typeof(RingSlot))]
    [InlineData("ring_counts", typeof(RingCounts))]
    [InlineData("recorder_config", typeof(RecorderConfig))]
    public void Sizes_and_offsets_are_those_of_the_object(string name, Type type)
    {
        (int size, Dictionary<string, int> offsets) = StructOf(RecorderProgram.Image(), name);
        Assert.Equal(size, Marshal.SizeOf(type));
        FieldInfo[] fields = type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public);
        Assert.Equal(offsets.Values.Order(), fields.Select(field => (int)Marshal.OffsetOf(type, field.Name)).Order());
        foreach (FieldInfo field in fields.Where(field => offsets.ContainsKey(Snake(field.Name)))) Assert.Equal(offsets[Snake(field.Name)], (int)Marshal.OffsetOf(type, field.Name));
    }

    private static string Snake(string name) => string.Concat(name.Select((c, i) => char.IsUpper(c) && i > 0 ? "_" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));

    /// <summary>Finds a struct in the BTF section: header, types one after the other, strings (Documentation/bpf/btf.rst of the kernel).</summary>
    private static (int Size, Dictionary<string, int> Offsets) StructOf(byte[] image, string wanted)
    {
        ReadOnlySpan<byte> btf = Section(image, ".BTF");
        int header = Int(btf, 4), types = header + Int(btf, 8), length = Int(btf, 12), strings = header + Int(btf, 16);
        for (int at = types; at < types + length;)
        {
            string name = Text(btf, strings + Int(btf, at));
            uint info = (uint)Int(btf, at + 4);
            int kind = (int)(info >> 24 & 0x1f), members = (int)(info & 0xffff), size = Int(btf, at + 8);
            at += 12;
            const int Struct = 4;
            if (kind == Struct && name == wanted)
            {
                Dictionary<string, int> offsets = [];
                for (int i = 0; i < members; i++) offsets[Text(btf, strings + Int(btf, at + 12 * i))] = (Int(btf, at + 12 * i + 8) & 0xffffff) / 8;
                return (size, offsets);
            }

            at += kind switch
            {
                1 or 14 or 17 => 4,           // int, variable, declaration tag
                3 => 12,                      // array
                4 or 5 or 15 or 19 => 12 * members, // struct, union, data section, 64-bit enum
                6 or 13 => 8 * members,       // enum, function type
                _ => 0,
            };
        }

        Assert.Fail($"the object does not describe struct {wanted}");
        return default;
    }

    private static ReadOnlySpan<byte> Section(byte[] image, string wanted)
    {
        ReadOnlySpan<byte> elf = image;
        long table = BinaryPrimitives.ReadInt64LittleEndian(elf[40..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf[60..]), names = BinaryPrimitives.ReadUInt16LittleEndian(elf[62..]);
        int nameBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(elf[(int)(table + names * 64 + 24)..]);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> section = elf[(int)(table + i * 64)..];
            if (Text(elf, nameBytes + Int(section, 0)) == wanted) return elf.Slice((int)BinaryPrimitives.ReadInt64LittleEndian(section[24..]), (int)BinaryPrimitives.ReadInt64LittleEndian(section[32..]));
        }

        throw new InvalidOperationException($"no section {wanted}");
    }

    private static int Int(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);

    private static string Text(ReadOnlySpan<byte> bytes, int at) => Encoding.UTF8.GetString(bytes[at..(at + bytes[at..].IndexOf((byte)0))]);
}
