/* runi-init: pid 1 of a slice.  Runs the slice's first process, reaps, forwards signals, and sends what it prints to the
   exchange.  It starts without any privilege and with descriptor 3, on which it talks to the spawner.

     runi-init STDIN STDOUT PROGRAM [ARGUMENT…]        each of the first two: null, log, or a path

   Without a C library (tiny.h), as it is executed for every slice.  */

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "forward.h"
#include "talk.h"
#include "tiny.h"

#define TALK_FD 3
#define HIGH_FD 16 /* above the three streams and what we hold before them */


_Noreturn void init_start (long *stack);

/* The kernel leaves argc, argv and the environment on the stack.  */
#if defined __x86_64__
__asm__ (".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall init_start\n");
#else
__asm__ (".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tb init_start\n");
#endif

/* Tells the spawner why the first process cannot run, and ends the slice.  */
static _Noreturn void
refuse (const char *verb, const char *path, long error)
{
  struct text text = { .length = 1, .bytes = { TALK_REFUSED } };

  add_text (&text, verb);
  add_text (&text, path);
  add_text (&text, ": ");
  add_error (&text, error);
  CALL3 (write, TALK_FD, text.bytes, text.length);
  leave (1);
}

/* The same, when the spawner was already told that it runs: to the log.  */
static _Noreturn void
complain (const char *verb, const char *path, long error, int status)
{
  struct text text = { 0 };

  add_text (&text, "runi-init: ");
  add_text (&text, verb);
  add_text (&text, path);
  add_text (&text, ": ");
  add_error (&text, error);
  add_text (&text, "\n");
  CALL3 (write, 2, text.bytes, text.length);
  leave (status);
}

static long
open_target (const char *target, bool output)
{
  int flags = output ? O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC;

  return CALL4 (openat, AT_FDCWD, target, flags, 0644);
}

/* A descriptor for the stream, or -1: it is a FIFO, whose open waits for the other end, and is left to the child.  */
static long
prepare_stream (const char *target, bool output, int log)
{
  struct stat status;
  long fd;

  if (is_equal (target, "null") || (is_equal (target, "log") && !output))
    return CALL3 (fcntl, 0, F_DUPFD_CLOEXEC, HIGH_FD);
  if (is_equal (target, "log"))
    return CALL3 (fcntl, log, F_DUPFD_CLOEXEC, HIGH_FD);
  if (CALL4 (newfstatat, AT_FDCWD, target, &status, 0) == 0 && S_ISFIFO (status.st_mode))
    return -1;
  fd = open_target (target, output);
  if (fd < 0)
    refuse (output ? "open for stdout " : "open for stdin ", target, -fd);
  return fd;
}

static void
set_signal (int number, void (*handler) (int))
{
  /* The kernel's struct: handler, flags, restorer (where there is one), mask.  No handler of ours ever returns.  */
  unsigned long action[4] = { (unsigned long) handler };

  CALL4 (rt_sigaction, number, action, NULL, sizeof (signals));
}

static void
mask_signals (signals set)
{
  CALL4 (rt_sigprocmask, SIG_SETMASK, &set, NULL, sizeof set);
}

static _Noreturn void
run (char **argv, char **environment, const char *targets[2], const long streams[2], int error_log)
{
  long in, out;

  set_signal (SIGPIPE, SIG_DFL);
  if (CALL3 (dup3, error_log, 2, 0) < 0)
    leave (126);
  in = streams[0] >= 0 ? streams[0] : open_target (targets[0], false);
  if (in < 0)
    complain ("open ", targets[0], -in, 126);
  out = streams[1] >= 0 ? streams[1] : open_target (targets[1], true);
  if (out < 0)
    complain ("open ", targets[1], -out, 126);
  if (CALL3 (dup3, in, 0, 0) < 0 || CALL3 (dup3, out, 1, 0) < 0)
    leave (126);
  mask_signals (0);
  complain ("run ", argv[0], -CALL3 (execve, argv[0], argv, environment), 127);
}

/* The environment may hold secrets of the step, and pid 1 shall hold none.  */
static void
wipe (char **environment)
{
  for (char **entry = environment; *entry; entry++)
    for (volatile char *at = *entry; *at; at++)
      *at = '\0';
}

static void
report_end (int status)
{
  struct
  {
    char type;
    uint32_t numbers[2];
  } message = { .type = TALK_EXITED };

  message.numbers[0] = WIFEXITED (status) ? WEXITSTATUS (status) : 0;
  message.numbers[1] = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
  CALL3 (write, TALK_FD, &message, sizeof message);
}

/* Reaps all that has ended; true when the first process was among it.  */
static bool
reap (long first, int *status)
{
  bool ended = false;
  int this_status;

  for (long pid; (pid = CALL4 (wait4, -1, &this_status, WNOHANG, NULL)) > 0;)
    if (pid == first)
      {
        ended = true;
        *status = this_status;
      }
  return ended;
}

/* True when the first process has ended.  */
static bool
handle_signals (int fd, long first, int *status)
{
  struct signalfd_siginfo info;
  bool ended = false;

  while (CALL3 (read, fd, &info, sizeof info) == sizeof info)
    if (info.ssi_signo == SIGCHLD)
      ended = reap (first, status) || ended;
    else
      CALL2 (kill, first, info.ssi_signo);
  return ended;
}

static long
open_signals (void)
{
  const signals set = SIGNAL_BIT (SIGCHLD) | SIGNAL_BIT (SIGTERM) | SIGNAL_BIT (SIGINT) | SIGNAL_BIT (SIGHUP)
                      | SIGNAL_BIT (SIGQUIT) | SIGNAL_BIT (SIGUSR1) | SIGNAL_BIT (SIGUSR2);

  set_signal (SIGPIPE, SIG_IGN);
  mask_signals (set);
  return CALL4 (signalfd4, -1, &set, sizeof set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until the first process has ended; its wait status.  */
static int
tend (int signal_fd, long first)
{
  int status = 0;

  for (bool ended = false; !ended;)
    {
      struct pollfd polls[4] = { { .fd = signal_fd, .events = POLLIN } };
      long result = wait_for (polls, 4, forward_watch (polls + 1));

      if (result < 0 && result != -EINTR)
        leave (2);
      if (result > 0 && polls[0].revents)
        ended = handle_signals (signal_fd, first, &status);
      forward_step (polls + 1);
    }
  return status;
}

void
init_start (long *stack)
{
  const char started = TALK_STARTED;
  long count = stack[0], signal_fd, access, first;
  char **argv = (char **) (stack + 1), **environment = argv + count + 1;
  const char *targets[2];
  int pipes[2][2], status;
  long streams[2];

  CALL2 (prctl, PR_SET_DUMPABLE, 0);
  CALL2 (prctl, PR_SET_NAME, "runi-init");
  if (count < 4 || CALL3 (fcntl, TALK_FD, F_SETFD, FD_CLOEXEC) < 0)
    leave (2);
  targets[0] = argv[1];
  targets[1] = argv[2];
  signal_fd = open_signals ();
  if (signal_fd < 0 || CALL2 (pipe2, pipes[0], O_CLOEXEC) < 0 || CALL2 (pipe2, pipes[1], O_CLOEXEC) < 0)
    refuse ("make pipes for ", argv[3], EMFILE);
  streams[0] = prepare_stream (targets[0], false, -1);
  streams[1] = prepare_stream (targets[1], true, pipes[0][1]);
  access = CALL3 (faccessat, AT_FDCWD, argv[3], 1 /* X_OK */);
  if (access < 0)
    refuse ("run ", argv[3], -access);
  first = CALL5 (clone, SIGCHLD, 0, 0, 0, 0);
  if (first < 0)
    refuse ("fork for ", argv[3], -first);
  if (first == 0)
    run (argv + 3, environment, targets, streams, pipes[1][1]);
  wipe (environment);
  CALL1 (close, pipes[0][1]);
  CALL1 (close, pipes[1][1]);
  for (int i = 0; i < 2; i++)
    if (streams[i] >= 0)
      CALL1 (close, streams[i]);
  if (CALL3 (write, TALK_FD, &started, 1) != 1)
    leave (2);
  forward_start (pipes[0][0], pipes[1][0]);
  status = tend ((int) signal_fd, first);
  forward_finish ();
  report_end (status);
  leave (0);
}
