/*
 * Handing records over: a ring for each processor, mapped into the recorder's memory. The kernel's own ring buffer is one for all
 * processors: each record takes its lock and two calls, and the line of its position wanders between those that write. Here a record costs
 * one addition.
 */
#ifndef RECORDER_RINGS_H
#define RECORDER_RINGS_H

#include "recorder_state.h"

/* Entries and size of a value are set before loading: a ring for each processor that is there. One that comes later shares another's. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct ring) + (1 + RING_TAIL) * RING_SLOT);
} rings SEC(".maps");

/* Slots that are left free: a task, and the interrupts within it, may all have found room before the first of them takes its slots. */
#define RING_SPARE 64

/* Room for a record of a size that is known at compile time; 0, and one more lost, where there is none. It is to be submitted at once. */
static __always_inline void *ring_reserve(u32 size)
{
	u32 cpu = bpf_get_smp_processor_id(), slots = (sizeof(struct ring_slot) + size + RING_SLOT - 1) / RING_SLOT;
	struct ring_slot *slot;
	struct ring *ring;
	u64 at;

	if (cpu >= config.rings && config.rings)
		cpu %= config.rings;
	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring || ring->produced - ring->consumed > config.ring_mask + 1 - RING_SPARE - slots) {
		count_lost();
		return 0;
	}
	/* An interrupt may take slots in between. */
	at = __sync_fetch_and_add(&ring->produced, slots);
	slot = (void *)(ring + 1) + (at & config.ring_mask) * RING_SLOT;
	slot->slots = slots;
	slot->position = at;
	return slot + 1;
}

/* From here on the record may be read. */
static __always_inline void ring_submit(void *record)
{
	struct ring_slot *slot = (struct ring_slot *)record - 1;

#if defined(__TARGET_ARCH_x86)
	/* Stores stay in order there. */
	barrier();
	slot->position++;
#else
	/* An exchange is ordered; an addition whose result nobody uses is not. */
	__sync_lock_test_and_set(&slot->position, slot->position + 1);
#endif
}

#endif
