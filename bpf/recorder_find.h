/* From a descriptor of a task to the socket, pipe or eventfd behind it. */
#ifndef RECORDER_FIND_H
#define RECORDER_FIND_H

#include "recorder_state.h"

static __always_inline struct file *file_of(struct task_struct *task, s32 fd)
{
	struct files_struct *files = task->files;
	struct fdtable *table;
	struct file *file = 0;

	if (!files)
		return 0;
	table = files->fdt;
	if ((u32)fd >= table->max_fds)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + (u32)fd);
	return file;
}

static __always_inline bool find_eventfd(struct file *file, struct found_socket *found)
{
	struct eventfd_ctx *context;

	if (!eventfd_operations || (u64)BPF_CORE_READ(file, f_op) != eventfd_operations)
		return false;
	context = BPF_CORE_READ(file, private_data);
	found->inode = (u32)BPF_CORE_READ(context, id);
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
	u64 cookie = protocol == IPPROTO_TCP ? BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) : 0;

	return cookie ? cookie : inode | SOCKET_INODE_FLAG;
}

static __noinline bool find_socket(struct task_struct *task, s32 fd, struct found_socket *found)
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
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (mode != S_IFSOCK && mode != S_IFIFO)
		return find_eventfd(file, found);
	found->inode = BPF_CORE_READ(inode, i_ino);
	found->id = found->inode | SOCKET_INODE_FLAG;
	if (mode == S_IFSOCK) {
		struct socket *socket = BPF_CORE_READ(file, private_data);
		struct sock *sk = BPF_CORE_READ(socket, sk);

		if (!sk) {
			found->id = 0;
			return false;
		}
		found->sk = sk;
		found->protocol = BPF_CORE_READ(sk, sk_protocol);
		found->id = id_of(sk, found->inode, found->protocol);
	}
	return true;
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
