using System.Runtime.InteropServices;
using CsCheck;
using VirtualServices.Discover.Recording;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>What the rings of several processors hold, written here as bpf/recorder_rings.h does.</summary>
public sealed class EventRingsTests
{
    private const uint Slots = 64;

    [Fact]
    public void What_all_processors_hand_over_is_read_in_order_of_time_and_once() =>
        Gen.Select(Gen.Int[1, 4], Gen.Select(Gen.Int[0, 3], Gen.Int[1, 4], Gen.Int[0, 30], Gen.Bool).Array[0, 400]).Sample((rings, records) =>
        {
            using Kernel kernel = new(rings);
            List<int> read = [];
            long now = 0;
            for (int i = 0; i < records.Length; i++)
            {
                (int processor, int slots, int pause, bool look) = records[i];
                now += pause;
                kernel.Hand(processor % rings, slots, i, now);
                if (look || i % 10 == 9) kernel.Read(read, now);
            }

            kernel.Read(read, long.MaxValue);
            Assert.Equal(Enumerable.Range(0, records.Length), read.Order());
            Assert.Equal(read.Select(Time).Order(), read.Select(Time));

            long Time(int i) => records.Take(i + 1).Sum(record => (long)record.Item3);
        });

    [Fact]
    public void Nothing_overtakes_what_is_still_being_written()
    {
        using Kernel kernel = new(2);
        List<int> read = [];
        kernel.Hand(0, 1, 0, 10);
        Action finish = kernel.Begin(0, 2, 1, 20);
        kernel.Hand(0, 1, 2, 30);
        kernel.Hand(1, 1, 3, 25);
        kernel.Read(read, 100);
        Assert.Equal([0], read);
        finish();
        kernel.Read(read, 100);
        Assert.Equal([0, 1, 3, 2], read);
    }

    [Fact]
    public void What_is_later_than_the_look_waits_for_the_next()
    {
        using Kernel kernel = new(2);
        List<int> read = [];
        kernel.Hand(0, 1, 0, 10);
        kernel.Hand(0, 1, 1, 40);
        kernel.Read(read, 30);
        Assert.Equal([0], read);
        kernel.Hand(1, 1, 2, 20); // its processor was slow
        kernel.Read(read, 50);
        Assert.Equal([0, 2, 1], read);
    }

    [Fact]
    public void A_record_that_begins_in_the_last_slot_lies_behind_the_ring()
    {
        using Kernel kernel = new(1);
        List<int> read = [];
        for (int i = 0; i < (int)Slots - 1; i++)
        {
            kernel.Hand(0, 1, i, i);
            kernel.Read(read, i);
        }

        kernel.Hand(0, 4, 100, 100);
        kernel.Hand(0, 1, 101, 101);
        kernel.Read(read, 101);
        Assert.Equal([100, 101], read.TakeLast(2));
        Assert.Equal(0, kernel.Pending);
    }

    [Fact]
    public void What_a_long_record_held_is_no_beginning_in_a_later_turn()
    {
        using Kernel kernel = new(1);
        List<int> read = [];
        // The second slot of the record holds what the beginning at that place will be a turn later.
        kernel.Hand(0, 2, 0, 10, inner: new RingSlot { Slots = 1, Position = Slots + 2 });
        kernel.Read(read, 10);
        for (int i = 1; i < (int)Slots; i++)
        {
            kernel.Hand(0, 1, i, 10 + i);
            kernel.Read(read, 1000);
        }

        int before = read.Count;
        kernel.Begin(0, 1, 999, 2000);
        kernel.Read(read, 3000);
        Assert.Equal(before, read.Count);
    }

    [Theory]
    [InlineData(16 << 20, 2, 131072)]
    [InlineData(16 << 20, 64, 32768)]
    [InlineData(4096, 2, 128)]
    public void Sizes_are_powers_of_two_and_never_too_small(int bytes, int rings, int slots) => Assert.Equal((uint)slots, EventRings.SlotsFor(bytes, rings));

    /// <summary>The kernel's side.</summary>
    private sealed unsafe class Kernel : IDisposable
    {
        private readonly byte* _memory;
        private readonly EventRings _rings;
        private readonly int _count;

        internal Kernel(int rings)
        {
            _count = rings;
            _memory = (byte*)NativeMemory.AllocZeroed((nuint)rings * EventRings.ValueBytes(Slots));
            _rings = new EventRings(_memory, rings, Slots);
        }

        internal long Pending => Enumerable.Range(0, _count).Sum(i => (long)(Of(i)->Produced - Of(i)->Consumed));

        public void Dispose()
        {
            _rings.Dispose();
            NativeMemory.Free(_memory);
        }

        internal void Hand(int processor, int slots, int number, long timeNs, RingSlot inner = default) => Begin(processor, slots, number, timeNs, inner)();

        /// <summary>Takes the place and writes; the action makes the record complete.</summary>
        internal Action Begin(int processor, int slots, int number, long timeNs, RingSlot inner = default)
        {
            Ring* ring = Of(processor);
            Assert.True(ring->Produced - ring->Consumed + (uint)slots <= Slots, "the test hands over more than there is room for");
            ulong at = ring->Produced;
            ring->Produced += (uint)slots;
            RingSlot* slot = (RingSlot*)((byte*)(ring + 1) + at % Slots * RingSlot.Bytes);
            new Span<byte>(slot, slots * RingSlot.Bytes)[sizeof(RingSlot)..].Fill(0xa5);
            for (int i = 1; i < slots; i++) slot[i * (RingSlot.Bytes / sizeof(RingSlot))] = inner;
            *(RingEvent*)(slot + 1) = new RingEvent { TimeNs = timeNs - 5, DurationNs = 5, Result = number, Kind = (byte)CallKind.Send };
            slot->Slots = (uint)slots;
            return () => slot->Position = (uint)at + 1;
        }

        internal void Read(List<int> read, long untilNs)
        {
            _rings.Look(untilNs);
            while (_rings.TryRead(out ReadOnlySpan<byte> record)) read.Add(MemoryMarshal.AsRef<RingEvent>(record).Result);
            _rings.Release();
        }

        private Ring* Of(int processor) => (Ring*)(_memory + (nuint)processor * EventRings.ValueBytes(Slots));
    }
}
