/* runi-helper: the privileged spawner of one agent.

     runi-helper --config-fd N --agent-uid U --exchange-uid E --gid G -- AGENT [ARGUMENT…]

   It starts the exchange and the agent under their ids, keeps ten capabilities and serves the agent's socket until one of
   them, or a signal, ends it.  Then no process, mount or group of it is left.  It dies with its parent.  */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "kernel.h"
#include "mounts.h"
#include "network.h"
#include "privileges.h"
#include "spawner.h"
#include "template.h"

#define OPEN_FILES_WANTED 65536
#define HELPER_FD 3
#define EXCHANGE_FD 4

static struct spawner spawner;

struct arguments
{
  int config_fd;
  char **agent;
};

static unsigned long
read_number (const char *option, const char *text)
{
  char *end;
  unsigned long number = text ? strtoul (text, &end, 10) : 0;

  if (!text || *text == '\0' || *end != '\0' || number > INT_MAX)
    die ("%s needs a number", option);
  return number;
}

static void
read_arguments (struct arguments *arguments, int argc, char **argv)
{
  int i;

  arguments->config_fd = -1;
  for (i = 1; i < argc && strcmp (argv[i], "--") != 0; i += 2)
    {
      unsigned long number = read_number (argv[i], argv[i + 1]);

      if (!strcmp (argv[i], "--config-fd"))
        arguments->config_fd = (int) number;
      else if (!strcmp (argv[i], "--agent-uid"))
        spawner.agent_uid = (uid_t) number;
      else if (!strcmp (argv[i], "--exchange-uid"))
        spawner.exchange_uid = (uid_t) number;
      else if (!strcmp (argv[i], "--gid"))
        spawner.gid = (gid_t) number;
      else
        die ("unknown option %s", argv[i]);
    }
  arguments->agent = i < argc ? argv + i + 1 : argv + argc;
  if (arguments->config_fd < 3 || !spawner.agent_uid || !spawner.exchange_uid || !spawner.gid
      || spawner.agent_uid == spawner.exchange_uid || !arguments->agent[0] || arguments->agent[0][0] != '/')
    die ("usage: runi-helper --config-fd N --agent-uid U --exchange-uid E --gid G -- /AGENT [ARGUMENT…]");
}

/* Rule 1: only root may name a configuration by descriptor, and our own file must be root's alone.  */
static void
check_caller (void)
{
  struct stat status;

  if (getuid () != 0 || geteuid () != 0)
    die ("--config-fd is for root only; run as root or choose --isolation=none");
  if (stat ("/proc/self/exe", &status) < 0)
    die_errno ("look at my own file");
  if (status.st_uid != 0 || (status.st_mode & S_IWOTH) || ((status.st_mode & S_IWGRP) && status.st_gid != 0))
    die ("my own file must belong to root and be writable by no one else");
}

/* Rule 2: what a caller can leave behind to trip us.  */
static void
clear_inheritance (int config_fd)
{
  struct rlimit files;
  const struct rlimit none = { 0, 0 };

  for (int fd = 0; fd < 3; fd++)
    if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", O_RDWR) != fd)
      die_errno ("open /dev/null");
  if ((config_fd > 3 && kernel_close_range (3, (unsigned) config_fd - 1) < 0)
      || kernel_close_range ((unsigned) config_fd + 1, ~0u) < 0)
    die_errno ("close inherited descriptors");
  if (clearenv () != 0)
    die ("clear the environment");
  umask (022);
  if (chdir ("/") < 0)
    die_errno ("enter /");
  for (int signal_number = 1; signal_number < NSIG; signal_number++)
    signal (signal_number, SIG_DFL);
  signal (SIGPIPE, SIG_IGN);
  if (getrlimit (RLIMIT_NOFILE, &files) < 0)
    die_errno ("read the limit of open files");
  files.rlim_cur = files.rlim_max < OPEN_FILES_WANTED ? files.rlim_max : OPEN_FILES_WANTED;
  if (setrlimit (RLIMIT_NOFILE, &files) < 0 || setrlimit (RLIMIT_CORE, &none) < 0)
    die_errno ("set limits");
  if (prctl (PR_SET_PDEATHSIG, SIGTERM) < 0)
    die_errno ("end with the parent");
}

static int
open_root_directory (const char *path, const char *key)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    die_errno ("open %s=%s", key, path);
  if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)))
    die ("%s=%s must belong to root and be writable by no one else", key, path);
  return fd;
}

/* runi-init is executed by descriptor, so a slice need not reach the folder where it lies.  */
static void
open_init (void)
{
  struct stat status;
  char *name;

  if (spawner.config.init[0] == '\0')
    {
      ssize_t size = readlink ("/proc/self/exe", spawner.config.init, RUNI_PATH_BYTES - sizeof "/runi-init");

      if (size < 0)
        die_errno ("find runi-init beside my own file");
      spawner.config.init[size] = '\0';
      name = strrchr (spawner.config.init, '/');
      if (!name)
        die ("find runi-init beside my own file");
      strcpy (name, "/runi-init");
    }
  spawner.init = open (spawner.config.init, O_PATH | O_CLOEXEC | O_NOFOLLOW);
  if (spawner.init < 0 || fstat (spawner.init, &status) < 0)
    die_errno ("open init=%s", spawner.config.init);
  if (!S_ISREG (status.st_mode) || status.st_uid != 0 || (status.st_mode & S_IWOTH))
    die ("init=%s must be a file of root's", spawner.config.init);
  spawner.null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  if (spawner.null < 0)
    die_errno ("open /dev/null");
}

/* One helper an instance: the lock is held for life, and whatever is found under it is a dead one's.  */
static void
take_state (void)
{
  int state = open_root_directory (spawner.config.state, "state");
  int lock = openat (state, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (lock < 0)
    die_errno ("open the lock of instance %s", spawner.config.instance);
  for (unsigned tries = 0; flock (lock, LOCK_EX | LOCK_NB) < 0; tries++)
    {
      if (errno != EWOULDBLOCK || tries == 100)
        die_errno ("instance %s has a helper already", spawner.config.instance);
      usleep (10000); /* children of a killed helper hold its lock until their own end comes through */
    }
  if ((mkdirat (state, "agent", 0700) < 0 && errno != EEXIST)
      || fchownat (state, "agent", spawner.agent_uid, spawner.gid, AT_SYMLINK_NOFOLLOW) < 0)
    die_errno ("make %s/agent", spawner.config.state);
  if ((mkdirat (state, "exchange", 0700) < 0 && errno != EEXIST)
      || fchownat (state, "exchange", spawner.exchange_uid, spawner.gid, AT_SYMLINK_NOFOLLOW) < 0)
    die_errno ("make %s/exchange", spawner.config.state);
  if (mkdirat (state, "edges", 0700) < 0 && errno != EEXIST)
    die_errno ("make %s/edges", spawner.config.state);
  close (state);
}

/* Starts a program under another id, with its descriptors from 3 on.  It dies with us.  */
static pid_t
start (char *const *argv, uid_t uid, int third, int fourth, int *pidfd)
{
  char *const environment[] = { (char *) "PATH=/usr/bin:/bin", (char *) "RUNINK_HELPER_FD=3",
                                (char *) "RUNINK_EXCHANGE_FD=4", NULL };
  char *const plain_environment[] = { (char *) "PATH=/usr/bin:/bin", NULL };
  struct fault fault;
  pid_t self = getpid (), pid = kernel_clone (0, pidfd);

  if (pid < 0)
    die_errno ("fork");
  if (pid > 0)
    return pid;
  third = fcntl (third, F_DUPFD_CLOEXEC, 16);
  fourth = fourth < 0 ? -1 : fcntl (fourth, F_DUPFD_CLOEXEC, 16);
  if (dup2 (spawner.null, 0) < 0 || dup2 (third, HELPER_FD) < 0
      || (fourth >= 0 && dup2 (fourth, EXCHANGE_FD) < 0) || kernel_close_range (fourth >= 0 ? 5 : 4, ~0u) < 0)
    die_errno ("arrange descriptors for %s", argv[0]);
  if (setsid () < 0)
    die_errno ("make a session for %s", argv[0]);
  signal (SIGPIPE, SIG_DFL);
  if (privileges_become (uid, spawner.gid, &fault) < 0 || privileges_none (&fault) < 0)
    die ("%s", fault.text);
  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    die_errno ("end with the helper");
  if (getppid () != self)
    _exit (1);
  execve (argv[0], argv, fourth >= 0 ? environment : plain_environment);
  die_errno ("run %s", argv[0]);
}

static void
start_agent_and_exchange (char *const *agent)
{
  char directory[RUNI_PATH_BYTES + 16];
  char *exchange[] = { spawner.config.node, spawner.config.exchange, (char *) "--agent-fd", (char *) "3",
                       (char *) "--directory", directory, NULL };
  int between[2], helper[2];

  snprintf (directory, sizeof directory, "%s/exchange", spawner.config.state);
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, between) < 0
      || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, helper) < 0)
    die_errno ("make a socket pair");
  spawner.exchange_pid = start (exchange, spawner.exchange_uid, between[1], -1, &spawner.exchange_pidfd);
  spawner.agent_pid = start (agent, spawner.agent_uid, helper[1], between[0], &spawner.agent_pidfd);
  close (between[0]);
  close (between[1]);
  close (helper[1]);
  spawner.agent_socket = helper[0];
}

/* A copy of the host's tree of our own: mounts that we make in it are seen by nobody, and open_tree takes only what lies in
   the caller's own namespace, so whatever is bound later is opened after this.  */
static void
leave_mount_namespace (void)
{
  char path[RUNI_PATH_BYTES + 16];

  if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    die_errno ("make a mount namespace");
  snprintf (path, sizeof path, "%s/edges", spawner.config.state);
  if (mount ("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,nr_inodes=2048,mode=0700") < 0)
    die_errno ("mount %s", path);
  spawner.edge_directory = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf (path, sizeof path, "%s/agent", spawner.config.state);
  spawner.agent_directory = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  snprintf (path, sizeof path, "%s/exchange", spawner.config.state);
  spawner.exchange_directory = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (spawner.edge_directory < 0 || spawner.agent_directory < 0 || spawner.exchange_directory < 0)
    die_errno ("open the directories in %s", spawner.config.state);
}

static int
open_signals (void)
{
  sigset_t set;
  int fd;

  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGHUP);
  sigaddset (&set, SIGALRM);
  if (sigprocmask (SIG_BLOCK, &set, NULL) < 0)
    die_errno ("block signals");
  fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0)
    die_errno ("make a signalfd");
  return fd;
}

int
main (int argc, char **argv)
{
  struct arguments arguments;
  struct fault fault = { 0 };
  int signals, status;

  check_caller ();
  read_arguments (&arguments, argc, argv);
  clear_inheritance (arguments.config_fd);
  config_read (&spawner.config, arguments.config_fd);
  close (arguments.config_fd);
  close (open_root_directory (spawner.config.runtime, "runtime"));
  open_init ();
  take_state ();
  cgroup_start (spawner.config.instance);
  spawner.uid_next = spawner.config.uid_first;
  start_agent_and_exchange (arguments.agent);
  signals = open_signals ();
  leave_mount_namespace ();
  volumes_open (&spawner.config);
  network_start ();
  spawner.template = template_make (&spawner.config);
  /* Secrets pass through here and nowhere else in this process.  Pages that were never used cost a clone nothing.  */
  if (mlock2 (&spawner.message, sizeof spawner.message, MLOCK_ONFAULT) < 0
      || madvise (&spawner.message, sizeof spawner.message & ~(size_t) 4095, MADV_DONTDUMP) < 0)
    if (errno != EINVAL)
      die_errno ("lock memory for secrets");
  if (privileges_keep_ten (&fault) < 0)
    die ("%s", fault.text);
  status = loop_run (&spawner, signals);
  return status;
}
