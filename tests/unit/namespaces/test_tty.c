// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

/*
 * Keys
 * ---------------------------------------------------------------------------------------------------------------------
 */

static void test_keys_words(void)
{
	static const char *const wrong[] = {"ctrl-", "ctrl-1", "ctrl-pp",
					    ",",     "a,",     ",a",
					    "a,,b",  "ab",     "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"};
	struct tty_keys keys;
	struct err err = ERR_INIT;

	CHECK_INT(tty_keys_parse(TTY_KEYS_DEFAULT, &keys, NULL), 0);
	CHECK_INT(keys.count, 2);
	CHECK_INT(keys.bytes[0], 16);
	CHECK_INT(keys.bytes[1], 17);
	CHECK_INT(tty_keys_parse("ctrl-@,ctrl-[,ctrl-_,ctrl-Z,x", &keys, NULL), 0);
	CHECK(memcmp(keys.bytes, "\0\033\037\032x", 5) == 0);
	CHECK_INT(tty_keys_parse("", &keys, NULL), 0);
	CHECK_INT(keys.count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_INT(tty_keys_parse(wrong[i], &keys, &err), -EINVAL);
	CHECK_HAS(err.msg, "detach keys");
}

/*
 * Types the words one piece (separated by '|') at a time; checks what goes on to the program, and whether it detached.
 */
static void type(const char *sequence, const char *pieces, const char *wanted, bool detaches)
{
	struct tty_keys keys;
	unsigned char out[256];
	size_t out_len = 0;
	bool detached = false;

	CHECK_INT(tty_keys_parse(sequence, &keys, NULL), 0);
	while (*pieces && !detached) {
		size_t len = strcspn(pieces, "|"), some;

		detached = tty_keys_feed(&keys, (const unsigned char *)pieces, len, out + out_len, &some);
		CHECK(some <= len + TTY_KEYS_MAX);
		out_len += some;
		pieces += len + (pieces[len] == '|');
	}
	out[out_len] = '\0';
	CHECK_STR((char *)out, wanted);
	CHECK_INT(detached, detaches);
}

static void test_keys_typed(void)
{
	type("ctrl-p,ctrl-q", "ls\020\021more", "ls", true);
	type("ctrl-p,ctrl-q", "ls\020|\021", "ls", true);
	type("ctrl-p,ctrl-q", "\020x\020\020\021", "\020x\020", true);
	type("ctrl-p,ctrl-q", "a|\020|b", "a\020b", false);
	type("a,a,b", "aaab", "a", true);
	type("a,a,b", "a|a|a|c", "aaac", false);
	type("a,b,a,c", "ababac", "ab", true);
	type("q", "xq", "x", true);
	type("", "\020\021", "\020\021", false);
}

/*
 * In the container
 * --------------------------------------------------------------------------------------------------------------
 */

static struct err child_err;

/* A root with a devpts of its own on a tmpfs at /mnt, in a mount namespace of its own, for `run`. */
static int in_root(int (*run)(int rootfd))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int rootfd;

		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
		    mount("none", "/mnt", "tmpfs", 0, "mode=755") < 0 || mkdir("/mnt/dev", 0755) < 0 ||
		    mkdir("/mnt/dev/pts", 0755) < 0 ||
		    mount("devpts", "/mnt/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5") < 0)
			_exit(99);
		rootfd = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);
		status = run(rootfd);
		if (status)
			printf("# step %d: %s\n", status, child_err.msg);
		fflush(stdout);
		_exit(status);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct tty_request plain = {.uid = 1000, .size = {40, 132}, .console = true};

static int run_open(int rootfd)
{
	struct stat slave, console;
	struct tty_pair pair;
	struct tty_size size;

	if (tty_open_in_container(rootfd, &plain, &pair, &child_err) < 0)
		return 1;
	if (fstat(pair.slave, &slave) < 0 || slave.st_uid != 1000 || slave.st_gid != 5 ||
	    (slave.st_mode & 07777) != 0620)
		return 2;
	if (tty_get_size(pair.slave, &size, &child_err) < 0 || size.rows != 40 || size.columns != 132)
		return 3;
	if (stat("/mnt/dev/console", &console) < 0 || !S_ISCHR(console.st_mode) || console.st_rdev != slave.st_rdev ||
	    console.st_dev != slave.st_dev)
		return 4;
	if (!(fcntl(pair.master, F_GETFD) & FD_CLOEXEC) || !(fcntl(pair.slave, F_GETFD) & FD_CLOEXEC))
		return 5;
	if (pair.number != 0) /* the first of its own devpts, not the host's next one */
		return 6;
	return write(pair.slave, "x", 1) == 1 && read(pair.master, &(char){0}, 1) == 1 ? 0 : 7;
}

/* The terminal becomes the controlling one of a program, which finds it at 0, 1 and 2. */
static int run_controlling(int rootfd)
{
	struct tty_pair pair;
	char words[256] = "";
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (tty_open_in_container(rootfd, &plain, &pair, &child_err) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		if (tty_make_controlling(pair.slave, &child_err) < 0)
			_exit(1);
		execlp("sh", "sh", "-c",
		       "test -t 0 && test -t 1 && test -t 2 && stty size </dev/tty && ps -o tty= -p $$ >/dev/null",
		       (char *)NULL);
		_exit(2);
	}
	(void)close(pair.slave);
	while (len < sizeof(words) - 1 && (n = read(pair.master, words + len, sizeof(words) - 1 - len)) > 0)
		len += (size_t)n;
	if (waitpid(pid, &(int){0}, 0) != pid)
		return 2;
	return strcmp(words, "40 132\r\n") == 0 ? 0 : 3;
}

/* Hostile images: each change, and what must come of it. */
static int refuses(int rootfd, const char *words)
{
	struct tty_pair pair;

	if (tty_open_in_container(rootfd, &plain, &pair, &child_err) >= 0)
		return 20;
	return strstr(child_err.msg, words) ? 0 : 21;
}

static bool is_untouched(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

static int run_console_is_link(int rootfd)
{
	int r, fd = open("/mnt/dev/target", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0 || symlink("target", "/mnt/dev/console") < 0)
		return 1;
	r = refuses(rootfd, "console");
	return r ? r : is_untouched("/mnt/dev/target") ? 0 : 2;
}

static int run_dev_is_link(int rootfd)
{
	if (mkdir("/mnt/real", 0755) < 0 || umount("/mnt/dev/pts") < 0 || rename("/mnt/dev", "/mnt/real/dev") < 0 ||
	    symlink("real/dev", "/mnt/dev") < 0 || mount("devpts", "/mnt/real/dev/pts", "devpts", 0, "newinstance") < 0)
		return 1;
	return refuses(rootfd, "dev/pts");
}

static int run_pts_is_tmpfs(int rootfd)
{
	if (mount("none", "/mnt/dev/pts", "tmpfs", 0, NULL) < 0 ||
	    mknod("/mnt/dev/pts/ptmx", S_IFCHR | 0666, makedev(5, 2)) < 0)
		return 1;
	return refuses(rootfd, "/dev/pts");
}

static int run_ptmx_is_covered(int rootfd)
{
	int fd = open("/mnt/other", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0 || mount("/mnt/other", "/mnt/dev/pts/ptmx", NULL, MS_BIND, NULL) < 0)
		return 1;
	return refuses(rootfd, "ptmx");
}

/* The host's ptmx over the container's: the terminal would come from the host's devpts. */
static int run_ptmx_is_hosts(int rootfd)
{
	if (mount("/dev/pts/ptmx", "/mnt/dev/pts/ptmx", NULL, MS_BIND, NULL) < 0)
		return 1;
	return refuses(rootfd, "ptmx");
}

static int run_console_is_folder(int rootfd)
{
	if (mkdir("/mnt/dev/console", 0755) < 0)
		return 1;
	return refuses(rootfd, "neither a file nor a device");
}

/* A symlink at /dev/ptmx, or at /dev/pts/N, changes nothing: neither is looked at. */
static int run_dev_ptmx_is_link(int rootfd)
{
	struct tty_pair pair;

	if (symlink("/etc/passwd", "/mnt/dev/ptmx") < 0)
		return 1;
	return tty_open_in_container(rootfd, &plain, &pair, &child_err) < 0 ? 2 : 0;
}

static void test_open(void)
{
	CHECK_INT(in_root(run_open), 0);
}
static void test_controlling(void)
{
	CHECK_INT(in_root(run_controlling), 0);
}
static void test_hostile_console_link(void)
{
	CHECK_INT(in_root(run_console_is_link), 0);
}
static void test_hostile_console_folder(void)
{
	CHECK_INT(in_root(run_console_is_folder), 0);
}
static void test_hostile_dev_link(void)
{
	CHECK_INT(in_root(run_dev_is_link), 0);
}
static void test_hostile_pts(void)
{
	CHECK_INT(in_root(run_pts_is_tmpfs), 0);
}
static void test_hostile_ptmx(void)
{
	CHECK_INT(in_root(run_ptmx_is_covered), 0);
}
static void test_hosts_ptmx(void)
{
	CHECK_INT(in_root(run_ptmx_is_hosts), 0);
}
static void test_dev_ptmx_is_not_used(void)
{
	CHECK_INT(in_root(run_dev_ptmx_is_link), 0);
}

/*
 * TIOCSTI
 * ---------------------------------------------------------------------------------------------------------------------
 */

/* A process on a caller's terminal tries to type into it. With a session of its own it cannot. */
static int try_to_type(bool protect)
{
	int master, slave, status = 0;
	pid_t pid;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/*
		 * The caller's shell, whose terminal it is; and the contained process below it, without CAP_SYS_ADMIN.
		 */
		if (tty_make_controlling(slave, NULL) < 0)
			_exit(99);
		pid = fork();
		if (pid == 0) {
			if (setresuid(65534, 65534, 65534) < 0 || (protect && tty_no_terminal(NULL) < 0))
				_exit(98);
			_exit(ioctl(0, TIOCSTI, "x") < 0 ? 0 : 1);
		}
		(void)waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	(void)close(master);
	(void)close(slave);
	return WEXITSTATUS(status);
}

static void test_no_typing_into_the_callers_terminal(void)
{
	CHECK_INT(try_to_type(true), 0);
	/* The kernel may refuse it to everyone (dev.tty.legacy_tiocsti = 0): then the case above proves nothing. */
	if (try_to_type(false) != 1)
		SKIP("this kernel lets nobody use TIOCSTI");
}

static void test_leader_gives_up_its_terminal(void)
{
	int master, slave, status = 0;
	pid_t pid;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGHUP, SIG_IGN);
		if (tty_make_controlling(slave, NULL) < 0 || tty_no_terminal(NULL) < 0)
			_exit(1);
		_exit(open("/dev/tty", O_RDWR | O_CLOEXEC) < 0 && errno == ENXIO ? 0 : 2);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 0);
	(void)close(master);
	(void)close(slave);
}

/*
 * The host's side
 * -------------------------------------------------------------------------------------------------------------
 */

static void test_raw_and_back(void)
{
	struct tty_saved saved = TTY_SAVED_INIT;
	struct termios before, raw, after;
	int master, slave;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tty_restore(&saved); /* nothing held */
	CHECK_INT(tcgetattr(slave, &before), 0);
	CHECK_INT(tty_raw(slave, &saved, NULL), 0);
	CHECK_INT(tcgetattr(slave, &raw), 0);
	CHECK_INT(raw.c_lflag & (ECHO | ICANON | ISIG), 0);
	tty_restore(&saved);
	CHECK_INT(saved.fd, -1);
	CHECK_INT(tcgetattr(slave, &after), 0);
	CHECK_INT(after.c_lflag, before.c_lflag);
	CHECK_INT(after.c_iflag, before.c_iflag);
	(void)close(master);
	(void)close(slave);
	CHECK(tty_raw(open("/dev/null", O_RDWR | O_CLOEXEC), &saved, NULL) == -ENOTTY);
}

static void test_send_master(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/hull-tty-XXXXXX", bytes[64] = "", control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {bytes, sizeof(bytes) - 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), connection, got = -1;
	struct tty_pair pair = {.number = 7};

	CHECK(mkdtemp(folder) != NULL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/console", folder);
	CHECK_INT(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_INT(listen(listening, 1), 0);
	CHECK_INT(openpty(&pair.master, &pair.slave, NULL, NULL, NULL), 0);
	CHECK_INT(tty_send_master(address.sun_path, &pair, NULL), 0);
	connection = accept(listening, NULL, NULL);
	CHECK_INT(recvmsg(connection, &message, 0), 10);
	CHECK_STR(bytes, "/dev/pts/7");
	if (CMSG_FIRSTHDR(&message))
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(got));
	CHECK(isatty(got));
	(void)close(got);
	(void)close(connection);
	(void)close(listening);
	(void)close(pair.master);
	(void)close(pair.slave);
	(void)unlink(address.sun_path);
	(void)rmdir(folder);
	CHECK(tty_send_master("/tmp/hull-no-such-socket", &pair, NULL) < 0);
}

int main(void)
{
	(void)alarm(60);
	return TAP_RUN(TAP_CASE(test_keys_words), TAP_CASE(test_keys_typed), TAP_CASE(test_open),
		       TAP_CASE(test_controlling), TAP_CASE(test_hostile_console_link),
		       TAP_CASE(test_hostile_console_folder), TAP_CASE(test_hostile_dev_link),
		       TAP_CASE(test_hostile_pts), TAP_CASE(test_hostile_ptmx), TAP_CASE(test_hosts_ptmx),
		       TAP_CASE(test_dev_ptmx_is_not_used), TAP_CASE(test_no_typing_into_the_callers_terminal),
		       TAP_CASE(test_leader_gives_up_its_terminal), TAP_CASE(test_raw_and_back),
		       TAP_CASE(test_send_master));
}
