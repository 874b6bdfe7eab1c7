/* Tries what a hostile step would, and prints a line "name errno" for each call; 0 is success.  */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define HIGH (1UL << 32) /* a bit that the kernel ignores in an argument of 32 bits */

static void
show (const char *name, long result)
{
  printf ("%s %s\n", name, result < 0 ? strerrorname_np (errno) : "0");
}

int
main (void)
{
  struct open_how how = { .flags = O_CREAT | O_WRONLY, .mode = 04755 };
  char clone3_arguments[64] = { 0 };

  close (creat ("/tmp/plain", 0644));
  show ("clone3", syscall (SYS_clone3, clone3_arguments, sizeof clone3_arguments));
  show ("clone-newuser", syscall (SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  show ("clone-newns", syscall (SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
  show ("unshare-user", unshare (CLONE_NEWUSER));
  show ("setns", setns (0, 0));
  show ("mount", syscall (SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
  show ("umount", syscall (SYS_umount2, "/run", 2));
  show ("pivot-root", syscall (SYS_pivot_root, "/tmp", "/tmp"));
  show ("chroot", chroot ("/tmp"));
  show ("open-tree", syscall (SYS_open_tree, -100, "/", 1));
  show ("mount-setattr", syscall (SYS_mount_setattr, -100, "/", 0, 0, 0));
  show ("ptrace", ptrace (PTRACE_TRACEME, 0, 0, 0));
  show ("bpf", syscall (SYS_bpf, 0, 0, 0));
  show ("perf", syscall (SYS_perf_event_open, 0, 0, 0, 0, 0));
  show ("userfaultfd", syscall (SYS_userfaultfd, 0));
  show ("io-uring", syscall (SYS_io_uring_setup, 1, clone3_arguments));
  show ("keyctl", syscall (SYS_keyctl, 0, 0));
  show ("seccomp", syscall (SYS_seccomp, 1, 0, 0));
  show ("syslog", syscall (SYS_syslog, 3, 0, 0));
  show ("sethostname", sethostname ("x", 1));
  show ("setuid-0", setuid (0));
  show ("setgroups", syscall (SYS_setgroups, 0, 0));
  show ("chown-0", chown ("/tmp/plain", 0, 0));
  show ("chmod-plain", chmod ("/tmp/plain", 0755));
  show ("chmod-sticky", chmod ("/tmp/plain", 01755));
  show ("chmod-setuid", syscall (SYS_chmod, "/tmp/plain", 04755));
  show ("chmod-setgid", syscall (SYS_chmod, "/tmp/plain", 02755));
  show ("chmod-setuid-high", syscall (SYS_chmod, "/tmp/plain", HIGH | 04755));
  show ("fchmodat-setuid", syscall (SYS_fchmodat, -100, "/tmp/plain", 04755));
  show ("fchmodat2-setuid", syscall (452, -100, "/tmp/plain", 04755, 0));
  show ("open-setuid", syscall (SYS_open, "/tmp/a", O_CREAT | O_WRONLY, 04755));
  show ("openat-setgid", syscall (SYS_openat, -100, "/tmp/b", O_CREAT | O_WRONLY, 02755));
  show ("openat-tmpfile", syscall (SYS_openat, -100, "/tmp", O_TMPFILE | O_WRONLY, 04755));
  show ("openat-mode-unused", syscall (SYS_openat, -100, "/tmp/plain", O_RDONLY, 06755));
  show ("openat2", syscall (SYS_openat2, -100, "/tmp/c", &how, sizeof how));
  show ("creat-setuid", syscall (SYS_creat, "/tmp/d", 04755));
  show ("mkdir-setgid", syscall (SYS_mkdir, "/tmp/e", 02755));
  show ("mkdirat-setgid", syscall (SYS_mkdirat, -100, "/tmp/f", 02755));
  show ("mknod-setuid", syscall (SYS_mknod, "/tmp/g", S_IFREG | 04755, 0));
  show ("mknod-fifo", syscall (SYS_mknod, "/tmp/h", S_IFIFO | 0600, 0));
  show ("mknod-device", syscall (SYS_mknod, "/tmp/i", S_IFCHR | 0666, 0x103));
  show ("mknodat-block", syscall (SYS_mknodat, -100, "/tmp/j", S_IFBLK | 0666, 0x103));
  show ("setxattr", syscall (SYS_setxattr, "/tmp/plain", "user.a", "b", 1, 0));
  show ("socket-unix", socket (AF_UNIX, SOCK_STREAM, 0));
  show ("socket-inet", socket (AF_INET, SOCK_STREAM, 0));
  show ("socket-raw", socket (AF_INET, SOCK_RAW, 1));
  show ("socket-packet", socket (AF_PACKET, SOCK_RAW, 0));
  show ("socket-packet-high", syscall (SYS_socket, HIGH | AF_PACKET, SOCK_RAW, 0));
  show ("socket-vsock", socket (40, SOCK_STREAM, 0));
  show ("socket-alg", socket (38, SOCK_SEQPACKET, 0));
  show ("socket-route", socket (AF_NETLINK, SOCK_RAW, 0));
  show ("socket-audit", socket (AF_NETLINK, SOCK_RAW, 9));
  show ("tiocsti", ioctl (0, TIOCSTI, "x"));
  show ("tiocsti-high", syscall (SYS_ioctl, 0, HIGH | TIOCSTI, "x"));
  show ("kill-init", kill (1, SIGKILL));
  show ("init-memory", open ("/proc/1/mem", O_RDONLY));
  show ("init-exe", open ("/proc/1/exe", O_RDONLY));
  show ("cgroup", open ("/sys/fs/cgroup", O_RDONLY));
  show ("dev-mem", open ("/dev/mem", O_RDONLY));
  show ("write-usr", open ("/usr/x", O_CREAT | O_WRONLY, 0600));
  show ("write-run", open ("/run/x", O_CREAT | O_WRONLY, 0600));
  show ("write-etc", open ("/etc/passwd", O_WRONLY));
  show ("write-null", open ("/dev/null", O_CREAT | O_TRUNC | O_WRONLY, 0600));
  show ("priority", setpriority (0, 0, -5));
  show ("unknown", syscall (1000));
  return 0;
}
