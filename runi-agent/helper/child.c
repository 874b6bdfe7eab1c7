/* From the clone to the exec of runi-init, in the order of ARCHITECTURE §6 rule 8.  The first failure is said and the
   child is gone.  */

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "kernel.h"
#include "privileges.h"

#define OPEN_FILES_MAX 4096

static _Noreturn void
fail (int talk, const struct fault *fault)
{
  struct
  {
    char type;
    struct fault fault;
  } message = { .type = TALK_FAILED, .fault = *fault };

  if (write (talk, &message, sizeof message) < 0)
    _exit (2);
  _exit (1);
}

static int
set_process_limits (struct fault *fault)
{
  const struct rlimit none = { 0, 0 }, files = { OPEN_FILES_MAX, OPEN_FILES_MAX };

  if (setrlimit (RLIMIT_CORE, &none) < 0 || setrlimit (RLIMIT_MSGQUEUE, &none) < 0
      || setrlimit (RLIMIT_NOFILE, &files) < 0)
    return fault_errno (fault, "set process limits");
  return 0;
}

/* Signals as a new program expects them: the spawner blocks and ignores some.  */
static int
reset_signals (struct fault *fault)
{
  sigset_t none;

  for (int signal_number = 1; signal_number < NSIG; signal_number++)
    signal (signal_number, SIG_DFL);
  sigemptyset (&none);
  if (sigprocmask (SIG_SETMASK, &none, NULL) < 0)
    return fault_errno (fault, "unblock signals");
  return 0;
}

static int
leave_host (const struct plan *plan, struct fault *fault)
{
  if (cgroup_join (plan->group, fault) < 0)
    return -1;
  if (unshare (CLONE_NEWCGROUP) < 0)
    return fault_errno (fault, "make a cgroup namespace");
  if (setns (plan->network, CLONE_NEWNET) < 0)
    return fault_errno (fault, "enter the slice's network namespace");
  if (child_mounts (plan, fault) < 0)
    return -1;
  if (sethostname ("slice", 5) < 0 || setdomainname ("", 0) < 0)
    return fault_errno (fault, "set the host name");
  if (setsid () < 0)
    return fault_errno (fault, "make a session");
  if (set_process_limits (fault) < 0)
    return -1;
  if (syscall (SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
    return fault_errno (fault, "make a session keyring");
  return 0;
}

/* The spawner's answer proves that it lives: were it dead, PDEATHSIG might have come before we asked for it, and getppid
   says nothing in a new pid namespace.  */
static int
enter_user_namespace (const struct plan *plan, struct fault *fault)
{
  const char question = TALK_USER_NAMESPACE;
  char answer;

  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    return fault_errno (fault, "die with the spawner");
  if (unshare (CLONE_NEWUSER) < 0)
    return fault_errno (fault, "make a user namespace");
  if (write (plan->talk, &question, 1) != 1 || read (plan->talk, &answer, 1) != 1 || answer != TALK_MAPPED)
    _exit (1);
  if (getuid () != SLICE_ID || geteuid () != SLICE_ID || getgid () != SLICE_ID || getegid () != SLICE_ID)
    return fault_set (fault, RUNI_KERNEL, "map the slice's user: it did not take");
  return 0;
}

static int
give_up_privilege (const struct plan *plan, struct fault *fault)
{
  if (privileges_become (plan->uid, plan->uid, fault) < 0 || enter_user_namespace (plan, fault) < 0
      || privileges_none (fault) < 0)
    return -1;
  for (unsigned long capability = 0; capability <= CAP_LAST_CAP; capability++)
    if (prctl (PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
      return fault_set (fault, RUNI_KERNEL, "drop the bounding set: capability %lu is still there", capability);
  return 0;
}

/* Leaves 0, 1, 2 at /dev/null, 3 talk (for runi-init), 4 its binary; all from 3 on close at exec but 3.  */
static int
arrange_descriptors (const struct plan *plan, struct fault *fault)
{
  int high = fcntl (plan->talk, F_DUPFD_CLOEXEC, 16), init = fcntl (plan->spawner->init, F_DUPFD_CLOEXEC, 16);
  int null = fcntl (plan->spawner->null, F_DUPFD_CLOEXEC, 16);

  if (high < 0 || init < 0 || null < 0 || dup2 (null, 0) < 0 || dup2 (null, 1) < 0 || dup2 (null, 2) < 0
      || dup2 (high, 3) < 0 || dup3 (init, 4, O_CLOEXEC) < 0 || kernel_close_range (5, ~0u) < 0)
    return fault_errno (fault, "arrange descriptors");
  return 0;
}

void
child_run (const struct plan *plan)
{
  const struct parts *parts = &plan->spawner->parts;
  struct fault fault = { 0 };
  int talk = plan->talk;

  if (reset_signals (&fault) < 0 || leave_host (plan, &fault) < 0 || give_up_privilege (plan, &fault) < 0
      || arrange_descriptors (plan, &fault) < 0)
    fail (fcntl (talk, F_GETFD) >= 0 ? talk : 3, &fault);
  umask (022);
  if (chdir ("/tmp") < 0)
    {
      fault_errno (&fault, "enter /tmp");
      fail (3, &fault);
    }
  if (filter_install (&fault) < 0)
    fail (3, &fault);
  syscall (SYS_execveat, 4, "", parts->argv, parts->env, AT_EMPTY_PATH);
  fault_errno (&fault, "run runi-init");
  fail (3, &fault);
}
