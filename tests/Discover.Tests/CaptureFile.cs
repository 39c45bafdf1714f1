using System.Buffers.Binary;
using System.Net;

namespace VirtualServices.Discover.Tests;

/// <summary>Makes a capture with nanoseconds (magic a1b23c4d), packet by packet.</summary>
internal sealed class CaptureFile(int linkType)
{
    internal const int LinkNull = 0, LinkEthernet = 1, LinkSll = 113, LinkSll2 = 276, LinkRaw = 101, SnapLength = 65535;
    internal const byte Fin = 1, Syn = 2, Rst = 4, Ack = 16;
    private readonly MemoryStream _file = Header(linkType);
    private long _ns = 1_700_000_000_000_000_001;

    internal byte[] Bytes => _file.ToArray();

    /// <summary>Adds a TCP packet whose payload the capture cut to <paramref name="kept"/> bytes.</summary>
    internal CaptureFile Tcp(string from, string to, byte flags, uint sequence, int bytes, int kept = int.MaxValue, bool vlan = false)
    {
        (IPEndPoint source, IPEndPoint target) = (IPEndPoint.Parse(from), IPEndPoint.Parse(to));
        byte[] header = new byte[20 + bytes];
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)target.Port);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), sequence);
        header[12] = 5 << 4;
        header[13] = flags;
        return Add(Link(vlan, Ip(6, source.Address, target.Address, header)), bytes - Math.Min(bytes, kept));
    }

    internal CaptureFile Udp(string from, string to, byte[] payload)
    {
        (IPEndPoint source, IPEndPoint target) = (IPEndPoint.Parse(from), IPEndPoint.Parse(to));
        byte[] header = [.. new byte[8], .. payload];
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)target.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)header.Length);
        return Add(Link(false, Ip(17, source.Address, target.Address, header)), 0);
    }

    /// <summary>The same packets as pcapng, with nanoseconds.</summary>
    internal static byte[] Pcapng(byte[] pcap)
    {
        MemoryStream file = new();
        using BinaryWriter writer = new(file);
        Block(0x0A0D0D0A, body =>
        {
            body.Write(0x1A2B3C4D);
            body.Write(1); // version 1.0
            body.Write(-1L);
        });
        Block(1, body =>
        {
            body.Write(BitConverter.ToInt32(pcap, 20));
            body.Write(SnapLength);
            body.Write([9, 0, 1, 0, 9, 0, 0, 0]); // if_tsresol: 10^-9
            body.Write(0);
        });
        for (int at = 24; at < pcap.Length;)
        {
            int start = at, captured = BitConverter.ToInt32(pcap, at + 8);
            Block(6, body =>
            {
                ulong time = (BitConverter.ToUInt32(pcap, start) * 1_000_000_000UL) + BitConverter.ToUInt32(pcap, start + 4);
                body.Write(0);
                body.Write((uint)(time >> 32));
                body.Write((uint)time);
                body.Write(pcap.AsSpan(start + 8, 8 + captured));
                body.Write(new byte[-captured & 3]);
            });
            at += 16 + captured;
        }

        return file.ToArray();

        void Block(uint type, Action<BinaryWriter> write)
        {
            MemoryStream body = new();
            using BinaryWriter inner = new(body);
            write(inner);
            int length = 12 + (int)body.Length;
            writer.Write(type);
            writer.Write(length);
            writer.Write(body.ToArray());
            writer.Write(length);
        }
    }

    private static MemoryStream Header(int linkType)
    {
        byte[] header = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xa1b23c4d);
        header[4] = 2;
        header[6] = 4;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), SnapLength);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(20), linkType);
        MemoryStream file = new();
        file.Write(header);
        return file;
    }

    private static byte[] Ip(byte protocol, IPAddress from, IPAddress to, byte[] payload)
    {
        bool six = from.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        byte[] header = new byte[six ? 40 : 20];
        header[0] = (byte)(six ? 0x60 : 0x45);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(six ? 4 : 2), (ushort)(payload.Length + (six ? 0 : header.Length)));
        header[six ? 6 : 9] = protocol;
        header[six ? 7 : 8] = 64;
        from.GetAddressBytes().CopyTo(header, six ? 8 : 12);
        to.GetAddressBytes().CopyTo(header, six ? 24 : 16);
        return [.. header, .. payload];
    }

    private byte[] Link(bool vlan, byte[] ip)
    {
        byte[] type = ip[0] >> 4 == 6 ? [0x86, 0xdd] : [0x08, 0x00];
        return linkType switch
        {
            LinkNull => [(byte)(ip[0] >> 4 == 6 ? 10 : 2), 0, 0, 0, .. ip],
            LinkSll => [0, 0, 3, 4, 0, 6, .. new byte[8], .. type, .. ip],
            LinkSll2 => [.. type, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, .. new byte[8], .. ip],
            LinkRaw => ip,
            _ when vlan => [.. new byte[12], 0x81, 0x00, 0, 5, .. type, .. ip],
            _ => [.. new byte[12], .. type, .. ip],
        };
    }

    private CaptureFile Add(byte[] packet, int cut)
    {
        byte[] header = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(header, (int)(_ns / 1_000_000_000));
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), (int)(_ns % 1_000_000_000));
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), packet.Length - cut);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), packet.Length);
        _file.Write(header);
        _file.Write(packet.AsSpan(0, packet.Length - cut));
        _ns += 1000;
        return this;
    }
}
