/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hull and its four libraries ask of the C library and musl does not have, or has in a way that hull must not use.
 *
 * libseccomp, libcap, libnl and yajl are Debian's archives, compiled against glibc's headers. They work on musl because
 * what passes between them and the C library is the same in both on 64-bit Linux:
 *
 *   numbers, memory, strings   nothing but integers and pointers. The tables behind __ctype_b_loc() and
 *                              __ctype_tolower_loc() are alike, bit by bit, for what they are asked (EOF to 127).
 *                              __isoc99_sscanf() and __isoc99_fscanf() are names of musl's, too.
 *   errno, stack protector     __errno_location(); the canary is in the thread's control block, at fs:0x28.
 *   FILE, locale_t             are passed on, never looked into: no macro of glibc's reads a FILE. stdout and stderr
 *                              are pointers. A mask for newlocale() has one bit for each category, the same ones.
 *   struct stat, timeval,      the kernel's own; names that end in 64 are the same functions. sysconf() numbers its
 *   pollfd, sockaddr           questions alike.
 *   msghdr, cmsghdr            lengths that are size_t in glibc are int and padding in musl, in the same 8 bytes. On
 *                              little-endian machines that is one number, and musl's sendmsg() and recvmsg() clear the
 *                              padding in a copy.
 *   mutexes, rwlocks           static ones are all zeros in both, and have the same size. With one thread they are
 *                              counters.
 *   addrinfo, protoent         the same members at the same places.
 *
 * tests/lint-musl holds the names that this was thought through for, and complains about any other: whoever adds one
 * there thinks first, and says here what passes through it.
 */
/* What checks is not checked itself. */
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- System calls ------------------------------------------------------------------------------------------------- */

int fsopen(const char *type, unsigned flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

int fspick(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dirfd, path, flags);
}

int fsconfig(int fsfd, unsigned command, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fsfd, command, key, value, aux);
}

int fsmount(int fsfd, unsigned flags, unsigned attributes)
{
	return (int)syscall(SYS_fsmount, fsfd, flags, attributes);
}

int open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

int move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags);
}

int mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attributes, size_t bytes)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attributes, bytes);
}

int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *ret_status)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, ret_status);
}

int renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from_dirfd, from, to_dirfd, to, flags);
}

int close_range(unsigned lowest, unsigned highest, int flags)
{
	return (int)syscall(SYS_close_range, lowest, highest, flags);
}

int execveat(int dirfd, const char *path, char *const argv[], char *const environment[], int flags)
{
	return (int)syscall(SYS_execveat, dirfd, path, argv, environment, flags);
}

/* The kernel wants the offset in two halves, and on 64-bit machines the lower one is all of it. */
ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	return syscall(SYS_preadv2, fd, iov, (long)count, offset, 0L, flags);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	return syscall(SYS_pwritev2, fd, iov, (long)count, offset, 0L, flags);
}

/* --- Signals to oneself ------------------------------------------------------------------------------------------- */

/*
 * musl's own send to the thread id that it noted at the start. In a process of hull's that was made by clone3(2) that
 * is still its parent's id, which in another pid namespace may be anyone's.
 */
pid_t gettid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

int raise(int signo)
{
	return (int)syscall(SYS_tgkill, getpid(), gettid(), signo);
}

_Noreturn void abort(void)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t just_this;

	(void)raise(SIGABRT);
	/* Blocked, ignored, or its handler came back. */
	(void)sigaction(SIGABRT, &by_default, NULL);
	(void)sigemptyset(&just_this);
	(void)sigaddset(&just_this, SIGABRT);
	(void)sigprocmask(SIG_UNBLOCK, &just_this, NULL);
	(void)raise(SIGABRT);
	_exit(127);
}

/*
 * Signal 34, which musl keeps for what is done in all threads at once, is SIGRTMIN to the programs inside: it is
 * blocked, read and passed on like the others.
 */
int sigfillset(sigset_t *set)
{
	/* Those that both libraries keep for themselves, for timers and cancelled threads. */
	const uint64_t kept = UINT64_C(3) << (32 - 1), all = ~kept;

	memset(set, 0, sizeof(*set));
	memcpy(set, &all, sizeof(all));
	return 0;
}

/* --- Errors in the words that people know, and look for ----------------------------------------------------------- */

static const char *const words[] = {
	[0] = "Success",
	[EIO] = "Input/output error",
	[ECHILD] = "No child processes",
	[ENOMEM] = "Cannot allocate memory",
	[EBUSY] = "Device or resource busy",
	[EXDEV] = "Invalid cross-device link",
	[EMFILE] = "Too many open files",
	[ENOTTY] = "Inappropriate ioctl for device",
	[ESPIPE] = "Illegal seek",
	[EDOM] = "Numerical argument out of domain",
	[ERANGE] = "Numerical result out of range",
	[EDEADLK] = "Resource deadlock avoided",
	[ENAMETOOLONG] = "File name too long",
	[ELOOP] = "Too many levels of symbolic links",
	[EBADR] = "Invalid request descriptor",
	[EBADRQC] = "Invalid request code",
	[EBFONT] = "Bad font file format",
	[ETIME] = "Timer expired",
	[EREMOTE] = "Object is remote",
	[EOVERFLOW] = "Value too large for defined data type",
	[ENOTUNIQ] = "Name not unique on network",
	[ELIBACC] = "Can not access a needed shared library",
	[ELIBBAD] = "Accessing a corrupted shared library",
	[ELIBSCN] = ".lib section in a.out corrupted",
	[ELIBMAX] = "Attempting to link in too many shared libraries",
	[ELIBEXEC] = "Cannot exec a shared library directly",
	[EILSEQ] = "Invalid or incomplete multibyte or wide character",
	[ERESTART] = "Interrupted system call should be restarted",
	[ESTRPIPE] = "Streams pipe error",
	[EUSERS] = "Too many users",
	[ENOTSOCK] = "Socket operation on non-socket",
	[EMSGSIZE] = "Message too long",
	[EOPNOTSUPP] = "Operation not supported",
	[EADDRINUSE] = "Address already in use",
	[EADDRNOTAVAIL] = "Cannot assign requested address",
	[ENETUNREACH] = "Network is unreachable",
	[ENETRESET] = "Network dropped connection on reset",
	[ECONNABORTED] = "Software caused connection abort",
	[EISCONN] = "Transport endpoint is already connected",
	[ENOTCONN] = "Transport endpoint is not connected",
	[ESHUTDOWN] = "Cannot send after transport endpoint shutdown",
	[ETOOMANYREFS] = "Too many references: cannot splice",
	[ETIMEDOUT] = "Connection timed out",
	[EHOSTUNREACH] = "No route to host",
	[EINPROGRESS] = "Operation now in progress",
	[EUCLEAN] = "Structure needs cleaning",
	[EDQUOT] = "Disk quota exceeded",
	[EOWNERDEAD] = "Owner died",
	[ERFKILL] = "Operation not possible due to RF-kill",
	[EHWPOISON] = "Memory page has hardware error",
};

const char *strerrordesc_np(int code)
{
	const char *known = code >= 0 && (size_t)code < sizeof(words) / sizeof(words[0]) ? words[code] : NULL;

#undef strerror
	return known ? known : strerror(code);
}

/* strerror() by another name: musl's is in one object with what libnl asks for. */
char *errno_words(int code)
{
	union {
		const char *words;
		char *as_of_old;
	} answer = {.words = strerrordesc_np(code)};

	return answer.as_of_old;
}

/* --- _FORTIFY_SOURCE: what is called where the compiler knew how much room there is ------------------------------- */

/* By the archives, and by hull's own copies (musl/include/string.h). */
#define FORMAT(at, values) __attribute__((format(printf, at, values)))

FORMAT(3, 4) int __fprintf_chk(FILE *file, int level, const char *format, ...);
FORMAT(3, 0) int __vfprintf_chk(FILE *file, int level, const char *format, va_list values);
FORMAT(3, 4) int __asprintf_chk(char **ret, int level, const char *format, ...);
FORMAT(3, 0) int __vasprintf_chk(char **ret, int level, const char *format, va_list values);
FORMAT(5, 6) int __snprintf_chk(char *to, size_t bytes, int level, size_t room, const char *format, ...);
FORMAT(4, 5) int __sprintf_chk(char *to, int level, size_t room, const char *format, ...);
void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memset_chk(void *to, int value, size_t bytes, size_t room);

int __vfprintf_chk(FILE *file, int level, const char *format, va_list values)
{
	(void)level; /* glibc refuses %n in writable formats above 1; none of the formats here is */
	return vfprintf(file, format, values);
}

int __fprintf_chk(FILE *file, int level, const char *format, ...)
{
	va_list values;
	int result;

	va_start(values, format);
	result = __vfprintf_chk(file, level, format, values);
	va_end(values);
	return result;
}

int __vasprintf_chk(char **ret, int level, const char *format, va_list values)
{
	(void)level;
	return vasprintf(ret, format, values);
}

int __asprintf_chk(char **ret, int level, const char *format, ...)
{
	va_list values;
	int result;

	va_start(values, format);
	result = __vasprintf_chk(ret, level, format, values);
	va_end(values);
	return result;
}

FORMAT(4, 0) static int print_bounded(char *to, size_t bytes, size_t room, const char *format, va_list values)
{
	if (bytes > room)
		abort();
	return vsnprintf(to, bytes, format, values);
}

int __snprintf_chk(char *to, size_t bytes, int level, size_t room, const char *format, ...)
{
	va_list values;
	int result;

	(void)level;
	va_start(values, format);
	result = print_bounded(to, bytes, room, format, values);
	va_end(values);
	return result;
}

int __sprintf_chk(char *to, int level, size_t room, const char *format, ...)
{
	va_list values;
	int result;

	(void)level;
	va_start(values, format);
	result = print_bounded(to, room, room, format, values);
	va_end(values);
	if (result >= 0 && (size_t)result >= room)
		abort();
	return result;
}

void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room)
{
	if (bytes > room)
		abort();
	return memcpy(to, from, bytes);
}

void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room)
{
	if (bytes > room)
		abort();
	return memmove(to, from, bytes);
}

void *__memset_chk(void *to, int value, size_t bytes, size_t room)
{
	if (bytes > room)
		abort();
	return memset(to, value, bytes);
}

/* --- RELRO -------------------------------------------------------------------------------------------------------- */

/*
 * What the linker laid out to be read-only after the start. In a static program that is the C library's to do, and
 * musl's leaves it to its dynamic linker.
 */
__attribute__((constructor)) static void protect_relocated(void)
{
	extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
	const uintptr_t page = 4096;

	for (int i = 0; i < __ehdr_start.e_phnum; i++) {
		uintptr_t start = headers[i].p_vaddr & ~(page - 1);
		uintptr_t end = (headers[i].p_vaddr + headers[i].p_memsz) & ~(page - 1);

		if (headers[i].p_type == PT_GNU_RELRO && end > start &&
		    mprotect((void *)start, end - start, PROT_READ) < 0)
			_exit(127);
	}
}
