/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an attacker would want of the host: files, processes, sockets, shared memory, more memory.
 */
#include "tests/attacks/standin.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int read_one(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	return read(fd, &c, 1) == 1 ? 0 : -EIO;
}

static int file_plain(void)
{
	return read_one(target("file"));
}

static int file_dots(void)
{
	char path[512];

	snprintf(path, sizeof(path), "/tmp/../../../../../..%s", target("file"));
	return read_one(path);
}

static int file_link(void)
{
	char link[64];

	snprintf(link, sizeof(link), "/tmp/standin-link-%d", (int)getpid());
	if (symlink(target("file"), link))
		return -errno;
	int ret = read_one(link);
	unlink(link);
	return ret;
}

static int file_of_other(void)
{
	char path[512];

	snprintf(path, sizeof(path), "/proc/%ld/root", target_number("pid"));
	strncat(path, target("file"), sizeof(path) - strlen(path) - 1);
	return read_one(path);
}

static int file_magic(void)
{
	return read_one("/proc/self/exe");
}

static int file_written(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s.new", target("file"));
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return -errno;
	unlink(path);
	return 0;
}

/* A tmpfs without a limit would be memory of the host's. */
static int root_written(void)
{
	int fd = open("/standin-new", O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		return -errno;
	unlink("/standin-new");
	return 0;
}

static int device(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/standin-dev-%d", (int)getpid());
	if (mknod(path, S_IFCHR | 0600, 1 << 8 | 1 /* /dev/mem */))
		return -errno;
	unlink(path);
	return 0;
}

static int process_traced(void)
{
	pid_t pid = (pid_t)target_number("pid");

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL))
		return -errno;
	waitpid(pid, NULL, 0);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 0;
}

static int process_read(void)
{
	char here;
	struct iovec to = {&here, 1}, from = {(void *)target_number("address"), 1};

	return process_vm_readv((pid_t)target_number("pid"), &to, 1, &from, 1, 0) == 1 ? 0 : -errno;
}

static int process_signalled(void)
{
	return kill((pid_t)target_number("pid"), 0) ? -errno : 0;
}

static int process_by_pidfd(void)
{
	return syscall(SYS_pidfd_open, (int)target_number("pid"), 0) < 0 ? -errno : 0;
}

/* Inside that is process 1, bubblewrap, which is not confined as we are. */
static int parent_traced(void)
{
	return ptrace(PTRACE_SEIZE, standin_parent(), NULL, NULL) ? -errno : 0;
}

static int connect_to(int type, const void *at, socklen_t n)
{
	int s = socket(((const struct sockaddr *)at)->sa_family, type | SOCK_NONBLOCK, 0);

	if (s < 0)
		return -errno;
	return connect(s, at, n) && errno != EINPROGRESS ? -errno : 0;
}

static int socket_path(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", target("socket"));
	return connect_to(SOCK_STREAM, &at, sizeof(at));
}

static int socket_abstract(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *name = target("abstract");

	memcpy(at.sun_path + 1, name, strlen(name));
	return connect_to(SOCK_STREAM, &at,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
}

static int socket_tcp(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)target_number("port")),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return connect_to(SOCK_STREAM, &at, sizeof(at));
}

static int socket_udp(void)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return connect_to(SOCK_DGRAM, &at, sizeof(at));
}

static int socket_of(int family, int type)
{
	return socket(family, type, 0) < 0 ? -errno : 0;
}

static int socket_netlink(void)
{
	return socket_of(AF_NETLINK, SOCK_RAW);
}

static int socket_inet6(void)
{
	return socket_of(AF_INET6, SOCK_STREAM);
}

static int socket_alg(void)
{
	return socket_of(38 /* AF_ALG */, SOCK_SEQPACKET);
}

static int shared_memory(void)
{
	int id = shmget((key_t)target_number("shm"), 0, 0);

	return id < 0 ? -errno : 0;
}

static int message_queue(void)
{
	int id = msgget((key_t)target_number("msg"), 0);

	return id < 0 ? -errno : 0;
}

static int posix_queue(void)
{
	long fd = syscall(SYS_mq_open, "standin", O_RDWR | O_CREAT, 0600, NULL);

	if (fd < 0)
		return -errno;
	syscall(SYS_mq_unlink, "standin");
	return 0;
}

static int keyring(void)
{
	long id = syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -4 /* the user's */, 1);

	return id < 0 ? -errno : 0;
}

static int key_added(void)
{
	long id = syscall(SYS_add_key, "user", "standin", "x", 1, -2 /* the process' ring */);

	return id < 0 ? -errno : 0;
}

static int memory_private(void)
{
	void *p = mmap(NULL, 1 << 29, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

static int memory_file(void)
{
	return syscall(SYS_memfd_create, "standin", 0) < 0 ? -errno : 0;
}

static int memory_locked(void)
{
	static char page[65536];

	return mlock(page, sizeof(page)) ? -errno : 0;
}

/* 200 MiB in the private tmpfs of a guest of 128M; the test runs it outside where there is room. */
static int memory_tmpfs(void)
{
	static char block[1 << 20];
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	int ret = 0;

	if (fd < 0)
		return -errno;
	memset(block, 1, sizeof(block));
	for (int i = 0; i < 200 && !ret; i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			ret = errno ? -errno : -ENOSPC;
	return ret;
}

static int limit_raised(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NPROC, &l))
		return -errno;
	/* 4096 of its own by default, and a few that the kernel needs (GUEST_OWN_PIDS). */
	if (l.rlim_max > 4096 + 64)
		return 0;
	l.rlim_max = l.rlim_cur = RLIM_INFINITY;
	return setrlimit(RLIMIT_NPROC, &l) ? -errno : 0;
}

const struct attack reach_attacks[] = {
    {"read a file of the host", file_plain},
    {"read it by dots", file_dots},
    {"read it by a link", file_link},
    {"read it by the root of another process", file_of_other},
    {"open a magic link", file_magic},
    {"make a file beside it", file_written},
    {"write into the root directory", root_written},
    {"make a device node", device},
    {"trace a process of the host", process_traced},
    {"read its memory", process_read},
    {"signal it", process_signalled},
    {"open it by number", process_by_pidfd},
    {"trace its parent", parent_traced},
    {"connect to a socket by path", socket_path},
    {"connect to an abstract socket", socket_abstract},
    {"connect to a port of the host", socket_tcp},
    {"send a datagram", socket_udp},
    {"ask netlink", socket_netlink},
    {"open an IPv6 socket", socket_inet6},
    {"use the kernel's ciphers", socket_alg},
    {"find a shared memory segment", shared_memory},
    {"find a message queue", message_queue},
    {"make a POSIX queue", posix_queue},
    {"find the user's keyring", keyring},
    {"add a key", key_added},
    {"map half a gigabyte", memory_private},
    {"make a file in memory", memory_file},
    {"lock memory", memory_locked},
    {"fill a tmpfs", memory_tmpfs},
    {"raise a limit", limit_raised},
    {0},
};
