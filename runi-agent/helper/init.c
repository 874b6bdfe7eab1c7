/* runi-init: pid 1 of a slice.  Runs the slice's first process, reaps, forwards signals, and sends what it prints to the
   exchange.  It starts without any privilege and with descriptor 3, on which it talks to the spawner.

     runi-init STDIN STDOUT PROGRAM [ARGUMENT…]        each of the first two: null, log, or a path

   Linked statically and small: it is executed for every slice.  */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forward.h"
#include "talk.h"

#define TALK_FD 3

extern char **environ;

static _Noreturn void
refuse (const char *verb, const char *path)
{
  char message[512];
  int length = snprintf (message, sizeof message, "%c%s %s: %s", TALK_REFUSED, verb, path, strerror (errno));

  if (length > (int) sizeof message - 1)
    length = sizeof message - 1;
  if (write (TALK_FD, message, (size_t) length + 1) < 0)
    _exit (2);
  _exit (1);
}

static int
open_target (const char *target, bool output)
{
  return output ? open (target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : open (target, O_RDONLY | O_CLOEXEC);
}

/* A descriptor for the stream, or -1: it is a FIFO, whose open waits for the other end, and is left to the child.  */
static int
prepare_stream (const char *target, bool output, int log)
{
  struct stat status;
  int fd;

  if (!strcmp (target, "null"))
    return fcntl (output ? 1 : 0, F_DUPFD_CLOEXEC, 16);
  if (!strcmp (target, "log"))
    return output ? fcntl (log, F_DUPFD_CLOEXEC, 16) : fcntl (0, F_DUPFD_CLOEXEC, 16);
  if (stat (target, &status) == 0 && S_ISFIFO (status.st_mode))
    return -1;
  fd = open_target (target, output);
  if (fd < 0)
    refuse (output ? "open for stdout" : "open for stdin", target);
  return fd;
}

static _Noreturn void
run (char **argv, const char *targets[2], const int streams[2], int error_log)
{
  sigset_t none;
  int in = streams[0] >= 0 ? streams[0] : open_target (targets[0], false);
  int out = streams[1] >= 0 ? streams[1] : open_target (targets[1], true);

  if (dup2 (error_log, 2) < 0)
    _exit (126);
  if (in < 0 || out < 0)
    {
      dprintf (2, "runi-init: open %s: %s\n", targets[in < 0 ? 0 : 1], strerror (errno));
      _exit (126);
    }
  if (dup2 (in, 0) < 0 || dup2 (out, 1) < 0)
    _exit (126);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  execve (argv[0], argv, environ);
  dprintf (2, "runi-init: run %s: %s\n", argv[0], strerror (errno));
  _exit (127);
}

/* The environment may hold secrets of the step, and pid 1 shall hold none.  */
static void
wipe_environment (void)
{
  for (char **entry = environ; *entry; entry++)
    memset (*entry, 0, strlen (*entry));
}

static void
report_end (int status)
{
  struct
  {
    char type;
    uint32_t numbers[2];
  } message = { .type = TALK_EXITED };

  message.numbers[0] = WIFEXITED (status) ? (uint32_t) WEXITSTATUS (status) : 0;
  message.numbers[1] = WIFSIGNALED (status) ? (uint32_t) WTERMSIG (status) : 0;
  if (write (TALK_FD, &message, sizeof message) < 0)
    _exit (2);
}

/* Reaps all that has ended; true when the first process was among it.  */
static bool
reap (pid_t first, int *status)
{
  bool ended = false;
  int this_status;

  for (pid_t pid; (pid = waitpid (-1, &this_status, WNOHANG)) > 0;)
    if (pid == first)
      {
        ended = true;
        *status = this_status;
      }
  return ended;
}

/* True when the first process has ended.  */
static bool
handle_signals (int signals, pid_t first, int *status)
{
  struct signalfd_siginfo info;
  bool ended = false;

  while (read (signals, &info, sizeof info) == (ssize_t) sizeof info)
    if (info.ssi_signo == SIGCHLD)
      ended = reap (first, status) || ended;
    else
      kill (first, (int) info.ssi_signo);
  return ended;
}

static int
open_signals (void)
{
  static const int forwarded[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
  sigset_t set;

  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&set);
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
    sigaddset (&set, forwarded[i]);
  sigprocmask (SIG_BLOCK, &set, NULL);
  return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
main (int argc, char **argv)
{
  const char started = TALK_STARTED;
  const char *targets[2];
  int pipes[2][2], streams[2], signals, status = 0;
  bool ended = false;
  pid_t first;

  prctl (PR_SET_DUMPABLE, 0);
  if (argc < 4 || fcntl (TALK_FD, F_SETFD, FD_CLOEXEC) < 0)
    return 2;
  targets[0] = argv[1];
  targets[1] = argv[2];
  signals = open_signals ();
  if (signals < 0 || pipe2 (pipes[0], O_CLOEXEC) < 0 || pipe2 (pipes[1], O_CLOEXEC) < 0)
    refuse ("make pipes for", argv[3]);
  streams[0] = prepare_stream (targets[0], false, -1);
  streams[1] = prepare_stream (targets[1], true, pipes[0][1]);
  if (access (argv[3], X_OK) < 0)
    refuse ("run", argv[3]);
  first = fork ();
  if (first < 0)
    refuse ("fork for", argv[3]);
  if (first == 0)
    {
      signal (SIGPIPE, SIG_DFL);
      run (argv + 3, targets, streams, pipes[1][1]);
    }
  wipe_environment ();
  close (pipes[0][1]);
  close (pipes[1][1]);
  for (int i = 0; i < 2; i++)
    if (streams[i] >= 0)
      close (streams[i]);
  if (write (TALK_FD, &started, 1) != 1)
    return 2;
  forward_start (pipes[0][0], pipes[1][0]);
  while (!ended)
    {
      struct pollfd polls[4] = { { .fd = signals, .events = POLLIN } };
      int timeout = forward_watch (polls + 1);

      if (poll (polls, 4, timeout) < 0 && errno != EINTR)
        return 2;
      if (polls[0].revents)
        ended = handle_signals (signals, first, &status);
      forward_step (polls + 1);
    }
  forward_finish ();
  report_end (status);
  return 0;
}
