/* From a descriptor of a task to the socket, pipe or eventfd behind it. */
#ifndef RECORDER_FIND_H
#define RECORDER_FIND_H

#include "recorder_state.h"

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/*
 * A member of a structure that is known by its address only. A cast lets the program read it at once, with a fault caught like that of a
 * helper; where the kernel has none (before Linux 6.2) the helper reads, for some 20 ns each. The verifier leaves only one of the two.
 */
#define LOOK(type, address, member)                                                                                       \
	(config.casts ? ((struct type *)bpf_rdonly_cast(address, bpf_core_type_id_kernel(struct type)))->member           \
		      : BPF_CORE_READ((struct type *)(address), member))

static __always_inline struct file *file_of(struct task_struct *task, s32 fd)
{
	struct files_struct *files = task->files;
	struct fdtable *table;

	if (!files)
		return 0;
	table = files->fdt;
	if ((u32)fd >= table->max_fds)
		return 0;
	return (struct file *)LOOK(llist_node, table->fd + (u32)fd, next);
}

static __always_inline bool find_eventfd(struct file *file, struct found_socket *found)
{
	struct eventfd_ctx *context;

	if (!eventfd_operations || (u64)LOOK(file, file, f_op) != eventfd_operations)
		return false;
	context = LOOK(file, file, private_data);
	found->inode = (u32)LOOK(eventfd_ctx, context, id);
	found->id = found->inode | SOCKET_INODE_FLAG | SOCKET_EVENTFD_FLAG;
	found->is_eventfd = 1;
	return true;
}

/*
 * TCP sockets go by their cookie, which on_tcp_state makes the kernel assign before any call can name a connection. All others go by
 * inode: nothing assigns their cookie at a moment that would let every event of theirs carry it.
 */
static __always_inline u64 id_of(struct sock *sk, u64 inode, u16 protocol)
{
	u64 cookie = protocol == IPPROTO_TCP ? LOOK(sock, sk, __sk_common.skc_cookie.counter) : 0;

	return cookie ? cookie : inode | SOCKET_INODE_FLAG;
}

static __always_inline bool find_socket_here(struct task_struct *task, s32 fd, struct found_socket *found)
{
	struct file *file = file_of(task, fd);
	struct inode *inode;
	u16 mode;

	found->id = 0;
	found->sk = 0;
	found->protocol = 0;
	found->is_eventfd = 0;
	if (!file)
		return false;
	inode = LOOK(file, file, f_inode);
	mode = LOOK(inode, inode, i_mode) & S_IFMT;
	if (mode != S_IFSOCK && mode != S_IFIFO)
		return find_eventfd(file, found);
	found->inode = LOOK(inode, inode, i_ino);
	found->id = found->inode | SOCKET_INODE_FLAG;
	if (mode == S_IFSOCK) {
		struct socket *socket = LOOK(file, file, private_data);
		struct sock *sk = LOOK(socket, socket, sk);

		if (!sk) {
			found->id = 0;
			return false;
		}
		found->sk = sk;
		found->protocol = LOOK(sock, sk, sk_protocol);
		found->id = id_of(sk, found->inode, found->protocol);
	}
	return true;
}

/* The same as a call: for all but the transfers, for which the call would be felt. */
static __noinline bool find_socket(struct task_struct *task, s32 fd, struct found_socket *found)
{
	return find_socket_here(task, fd, found);
}

/* Run once by the recorder itself with the descriptor of an eventfd. */
struct eventfd_request {
	s32 fd;
	s32 found;
};

SEC("syscall")
int learn_eventfd(struct eventfd_request *request)
{
	struct file *file = file_of(bpf_get_current_task_btf(), request->fd);

	if (!file)
		return 0;
	eventfd_operations = (u64)BPF_CORE_READ(file, f_op);
	request->found = eventfd_operations != 0;
	return 0;
}

#endif
