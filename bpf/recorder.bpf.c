/* Records what relays work, of chosen tasks only. A task is chosen by its task storage, which children inherit at fork. */
#include "recorder_lives.h"
#include "recorder_clients.h"
#include "recorder_calls.h"
#include "recorder_wakes.h"
#include "recorder_lengths.h"
#include "recorder_datagrams.h"
#include "recorder_states.h"

char LICENSE[] SEC("license") = "GPL";

/* Marks every thread of the processes in the map of services. Threads that are marked already keep their state. */
SEC("iter/task")
int mark_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct recorded_task *state;
	u32 process, *service;

	if (!task)
		return 0;
	process = task->tgid;
	service = bpf_map_lookup_elem(&services, &process);
	if (!service || recorded(task))
		return 0;
	/* Before its storage: a thread that runs meanwhile must not begin a call with the one and end it with the other. */
	take_place(task, *service & ~SERVICE_MARKED, bpf_ktime_get_ns());
	state = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		leave_place(task->pid);
		count_unmarked();
		return 0;
	}
	state->service = *service & ~SERVICE_MARKED;
	state->marked_ns = bpf_ktime_get_ns();
	state->fresh = 1;
	*service |= SERVICE_MARKED;
	return 0;
}

/* Makes the compiler describe the records in the object's type information: a test compares them with what C# declares. */
const struct ring_event *described_event __attribute__((unused));
const struct ring_datagram *described_datagram __attribute__((unused));
const struct ring_socket *described_socket __attribute__((unused));
const struct ring_process *described_process __attribute__((unused));
const struct ring *described_ring __attribute__((unused));
const struct ring_slot *described_slot __attribute__((unused));
const struct eventfd_request *described_request __attribute__((unused));
