// SPDX-License-Identifier: GPL-2.0-or-later
/* The terminal itself: made in the container, handed over, set up. Keys and relay are tty_keys.c and tty_relay.c. */
#include "namespaces/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/path.h"
#include "runtime/base/socket.h"

/* Numbers of Documentation/admin-guide/devices.txt. */
#define OWN_TTY_MAJOR 5
#define OWN_TTY_MINOR 0
#define PTMX_MAJOR    5
#define PTMX_MINOR    2

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif

/*
 * The child's side
 * ------------------------------------------------------------------------------------------------------------
 */

/*
 * Opens ptmx of the devpts at dev/pts. dev/ptmx itself is not used: images bring nodes and links of that name, which
 * may lead to another instance of devpts. Looked at by an O_PATH descriptor first, since opening a wrong device may
 * already do something.
 */
static int open_master(int rootfd, struct err *err)
{
	CLEANUP_FD int pts = path_open(rootfd, "dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINKS, err);
	CLEANUP_FD int node = -1;
	CLEANUP_FD int master = -1;

	if (pts < 0)
		return err_wrap(err, "terminal");
	if (path_verify_fs(pts, DEVPTS_SUPER_MAGIC, "/dev/pts", err) < 0)
		return err_wrap(err, "terminal");
	node = path_open(pts, "ptmx", O_PATH | O_CLOEXEC, PATH_NO_LINKS | PATH_NO_MOUNTS, err);
	if (node < 0 || path_verify_char(node, PTMX_MAJOR, PTMX_MINOR, "/dev/pts/ptmx", err) < 0)
		return err_wrap(err, "terminal");
	master = path_open(pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, PATH_NO_LINKS | PATH_NO_MOUNTS, err);
	if (master < 0 || path_verify_fs(master, DEVPTS_SUPER_MAGIC, "/dev/pts/ptmx", err) < 0 ||
	    path_verify_char(master, PTMX_MAJOR, PTMX_MINOR, "/dev/pts/ptmx", err) < 0)
		return err_wrap(err, "terminal");
	return fd_take(&master);
}

/*
 * The other end, from the master itself: no path is looked up, so nothing but the kernel's own peer of a verified
 * master can come.
 */
static int open_slave(int master, struct err *err)
{
	int unlocked = 0, slave;

	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return err_set(err, errno, "terminal: unlock");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return slave < 0 ? err_set(err, errno, "terminal: open the program's side") : slave;
}

/*
 * Where /dev/console is bound: an O_PATH descriptor of what is there, made where nothing is. A link at /dev or
 * /dev/console would take the mount to where the image wants it: refused, not followed.
 */
static int open_console_target(int rootfd, struct err *err)
{
	CLEANUP_FD int dev = path_open(rootfd, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINKS, err);
	CLEANUP_FD int target = -1;
	CLEANUP_FD int made = -1;
	struct stat st;

	if (dev < 0)
		return dev;
	target = path_open(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC, PATH_NO_LINKS, err);
	if (target == -ENOENT) {
		err_clear(err);
		made = path_create(dev, "console", O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600, err);
		if (made < 0)
			return made;
		target = path_open(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC, PATH_NO_LINKS, err);
	}
	if (target < 0)
		return target;
	if (fstat(target, &st) < 0)
		return err_set(err, errno, "look at '/dev/console'");
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return err_say(err, EINVAL, "'/dev/console' is neither a file nor a device");
	return fd_take(&target);
}

/* Mounts the slave there, both ends being descriptors. */
static int bind_console(int rootfd, int slave, struct err *err)
{
	CLEANUP_FD int target = open_console_target(rootfd, err);
	CLEANUP_FD int tree = -1;

	if (target < 0)
		return err_wrap(err, "terminal");
	tree = (int)syscall(SYS_open_tree, slave, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return err_set(err, errno, "terminal: mount for '/dev/console'");
	if (syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "terminal: mount on '/dev/console'");
	return 0;
}

/* What is done to a fresh pair before the program gets it. */
static int set_up(int rootfd, const struct tty_request *request, const struct tty_pair *pair, struct err *err)
{
	int r = 0;

	/* The group stays what devpts was mounted with (gid=5, tty). */
	if (fchown(pair->slave, request->uid, (gid_t)-1) < 0)
		return err_set(err, errno, "terminal: give it to user %u", request->uid);
	if (request->size.rows || request->size.columns)
		r = tty_set_size(pair->master, request->size, err);
	if (r >= 0 && request->console)
		r = bind_console(rootfd, pair->slave, err);
	return r;
}

int tty_open_in_container(int rootfd, const struct tty_request *request, struct tty_pair *ret, struct err *err)
{
	CLEANUP_FD int master = open_master(rootfd, err);
	CLEANUP_FD int slave = -1;
	unsigned number;
	int r;

	if (master < 0)
		return master;
	slave = open_slave(master, err);
	if (slave < 0)
		return slave;
	if (ioctl(master, TIOCGPTN, &number) < 0)
		return err_set(err, errno, "terminal: ask its number");
	r = set_up(rootfd, request, &(struct tty_pair){master, slave, number}, err);
	if (r < 0)
		return r;
	*ret = (struct tty_pair){fd_take(&master), fd_take(&slave), number};
	return 0;
}

int tty_reopen_slave(int rootfd, struct tty_pair *pair, struct err *err)
{
	CLEANUP_FD int pts = path_open(rootfd, "dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINKS, err);
	CLEANUP_FD int slave = -1;
	struct stat had, found;
	char name[16];

	if (pts < 0 || path_verify_fs(pts, DEVPTS_SUPER_MAGIC, "/dev/pts", err) < 0)
		return err_wrap(err, "terminal");
	(void)snprintf(name, sizeof(name), "%u", pair->number);
	slave = path_open(pts, name, O_RDWR | O_NOCTTY | O_CLOEXEC, PATH_NO_LINKS | PATH_NO_MOUNTS, err);
	if (slave < 0)
		return err_wrap(err, "terminal");
	if (fstat(pair->slave, &had) < 0 || fstat(slave, &found) < 0)
		return err_set(err, errno, "terminal: look at it");
	if (had.st_dev != found.st_dev || had.st_ino != found.st_ino || had.st_rdev != found.st_rdev)
		return err_say(err, EXDEV, "terminal: '/dev/pts/%u' is another one", pair->number);
	(void)close(pair->slave);
	pair->slave = fd_take(&slave);
	return 0;
}

/* A new session. 1 if this process leads one already, which is as good; it then may have a terminal. */
static int new_session(struct err *err)
{
	if (setsid() >= 0)
		return 0;
	return getsid(0) == getpid() ? 1 : err_set(err, errno, "begin a session");
}

int tty_make_controlling(int slave, struct err *err)
{
	int r = new_session(err);

	if (r < 0)
		return r;
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(err, errno, "terminal: make it the controlling one");
	for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
		r = fd_place(slave, number);
		if (r < 0)
			return err_set(err, -r, "terminal: as descriptor %d", number);
	}
	return 0;
}

/*
 * A leader's terminal, by whatever name it has it: one of its standard descriptors, or /dev/tty. That one may be an
 * image's: it is looked at before it is opened, since opening some devices does something.
 */
static void give_up_terminal(void)
{
	CLEANUP_FD int node = -1;
	CLEANUP_FD int fd = -1;

	for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++)
		if (ioctl(number, TIOCNOTTY) == 0)
			return;
	node = open("/dev/tty", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (node < 0 || path_verify_char(node, OWN_TTY_MAJOR, OWN_TTY_MINOR, "/dev/tty", NULL) < 0)
		return;
	fd = open(fd_name(node).path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		(void)ioctl(fd, TIOCNOTTY);
}

int tty_no_terminal(struct err *err)
{
	int r = new_session(err);

	if (r > 0)
		give_up_terminal();
	return r < 0 ? r : 0;
}

/*
 * The host's side
 * -------------------------------------------------------------------------------------------------------------
 */

int tty_send_master(const char *path, const struct tty_pair *pair, struct err *err)
{
	CLEANUP_FD int console = sock_connect_patiently(AT_FDCWD, path, err);
	char name[32];
	int len = snprintf(name, sizeof(name), "/dev/pts/%u", pair->number);

	if (console < 0 || sock_send_fds(console, name, (size_t)len, &pair->master, 1, err) < 0)
		return err_wrap(err, "console socket '%s'", path);
	return 0;
}

int tty_get_size(int fd, struct tty_size *ret, struct err *err)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return err_set(err, errno, "terminal: ask its size");
	*ret = (struct tty_size){size.ws_row, size.ws_col};
	return 0;
}

int tty_set_size(int fd, struct tty_size size, struct err *err)
{
	struct winsize winsize = {.ws_row = size.rows, .ws_col = size.columns};

	if (ioctl(fd, TIOCSWINSZ, &winsize) < 0)
		return err_set(err, errno, "terminal: set its size to %ux%u", size.columns, size.rows);
	return 0;
}

int tty_raw(int fd, struct tty_saved *ret, struct err *err)
{
	struct termios settings, raw;

	if (tcgetattr(fd, &settings) < 0)
		return err_set(err, errno, "terminal: read its settings");
	raw = settings;
	cfmakeraw(&raw); /* output, too: the program's own terminal has turned line ends already */
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return err_set(err, errno, "terminal: set raw mode");
	*ret = (struct tty_saved){fd, settings};
	return 0;
}

void tty_restore(struct tty_saved *saved)
{
	int code = errno;

	if (saved->fd >= 0)
		(void)tcsetattr(saved->fd, TCSANOW, &saved->settings);
	saved->fd = -1;
	errno = code;
}
