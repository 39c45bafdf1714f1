using System.Buffers.Binary;
using System.Text;
using CsCheck;
using VirtualServices.Enforce.Waiting;

namespace VirtualServices.Enforce.Tests.Waiting;

public sealed class FuseMessageTests
{
    [Fact]
    public void A_question_for_an_extended_attribute_is_read()
    {
        byte[] bytes = Message(FuseOperation.GetExtendedAttribute, [16, 0, 0, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(WaitingRoom.Attribute), 0]);
        Assert.True(FuseMessage.TryRead(bytes, out FuseMessage message));
        Assert.Equal((FuseOperation.GetExtendedAttribute, 7UL, 2UL, 99u, 16u, WaitingRoom.Attribute), (message.Operation, message.Unique, message.Node, message.Thread, message.ValueRoom, message.Name));
    }

    [Fact]
    public void What_is_too_short_is_no_message()
    {
        byte[] bytes = Message(FuseOperation.Read, new byte[24]);
        Assert.True(FuseMessage.TryRead(bytes, out _));
        for (int length = 0; length < bytes.Length; length++) Assert.False(FuseMessage.TryRead(bytes.AsSpan(0, length), out _));
        Assert.False(FuseMessage.TryRead(Message(FuseOperation.Interrupt, new byte[4]), out _));
    }

    [Fact]
    public void Whatever_comes_is_a_message_or_none() => Gen.Select(Gen.Byte.Array[0, 80], Gen.Int[0, Enum.GetValues<FuseOperation>().Length - 1].Select(at => Enum.GetValues<FuseOperation>()[at])).Sample((bytes, operation) =>
    {
        if (bytes.Length >= 8)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)operation);
        }

        if (!FuseMessage.TryRead(bytes, out FuseMessage message)) return;
        _ = message.Name;
        if (message.Operation == FuseOperation.Read) _ = message.Range;
        if (message.Operation == FuseOperation.Interrupt) _ = message.Interrupted;
        if (message.Operation == FuseOperation.GetExtendedAttribute) _ = message.ValueRoom;
    });

    private static byte[] Message(FuseOperation operation, byte[] body)
    {
        byte[] bytes = new byte[40 + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)operation);
        bytes[8] = 7;
        bytes[16] = 2;
        bytes[32] = 99;
        body.CopyTo(bytes, 40);
        return bytes;
    }
}
