/* The spawner's loop.  One event at a time (so that none can speak of a slot that an earlier one freed); nothing in it
   waits for a slice or a disk.  */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "mounts.h"
#include "network.h"
#include "outbox.h"
#include "slots.h"
#include "spawner.h"
#include "watch.h"

#define END_TIMEOUT_MS 5000
#define ORDER_TIMEOUT_S 10
#define RETRY_MS 2

static bool over;   /* the loop ends */
static bool ending; /* and what there is is taken down */
static int exit_status;

static void
watch_agent (const struct spawner *spawner)
{
  struct epoll_event event = { .data.u64 = (uint64_t) SOURCE_AGENT_SOCKET << 32 };

  if (ending)
    return;
  event.events = (outbox_is_full () ? 0 : EPOLLIN) | (outbox_is_empty () ? 0 : EPOLLOUT);
  if (epoll_ctl (watch_epoll, EPOLL_CTL_MOD, spawner->agent_socket, &event) < 0)
    die_errno ("watch the agent's socket");
}

static void
send_events (const struct spawner *spawner)
{
  if (!outbox_send (spawner->agent_socket))
    over = true;
  watch_agent (spawner);
}

static void
say_ready (const struct spawner *spawner)
{
  for (unsigned i = 0; i < spawner->config.volume_count; i++)
    {
      const struct volume *volume = &spawner->config.volumes[i];
      struct runi_event *event = outbox_add (RUNI_VOLUME, 0);

      snprintf (event->herd, sizeof event->herd, "%s", volume->herd);
      snprintf (event->volume, sizeof event->volume, "%s", volume->name);
      event->writable = volume->writable;
    }
  snprintf (outbox_add (RUNI_READY, 0)->text, RUNI_TEXT_BYTES, "%s", spawner->config.state);
}

static int
handle_launch (struct spawner *spawner, struct fault *fault)
{
  const struct runi_request *request = &spawner->message.fixed;
  struct slot *slot = NULL;
  unsigned index;

  if (slot_find (spawner, request->slot))
    return fault_set (fault, RUNI_INVALID, "slot %s is in use", request->slot);
  for (index = 0; index < RUNI_SLOTS_MAX && !slot; index++)
    if (!spawner->slots[index].used)
      slot = &spawner->slots[index];
  if (!slot)
    return fault_set (fault, RUNI_REFUSED, "this node runs %d slices already", RUNI_SLOTS_MAX);
  if (launch_slot (spawner, slot, fault) < 0)
    return -1;
  watch (slot->pidfd, SOURCE_SLOT, index - 1);
  watch (slot->talk, SOURCE_SLOT_TALK, index - 1);
  watch (slot->memory, SOURCE_SLOT_MEMORY, index - 1);
  return 0;
}

static int
handle_job (struct spawner *spawner, struct fault *fault)
{
  for (unsigned i = 0; i < JOBS_MAX; i++)
    if (!spawner->jobs[i].used)
      {
        if (job_start (spawner, &spawner->jobs[i], fault) < 0)
          return -1;
        watch (spawner->jobs[i].pidfd, SOURCE_JOB, i);
        return 0;
      }
  return fault_set (fault, RUNI_REFUSED, "this node publishes and discards %d times at once already", JOBS_MAX);
}

static void
handle_request (struct spawner *spawner)
{
  const struct runi_request *request = &spawner->message.fixed;
  struct fault fault = { 0 };
  struct slot *slot;
  int result = request_check (spawner, &fault);

  if (result == 0)
    switch (request->type)
      {
      case RUNI_LAUNCH:
        result = handle_launch (spawner, &fault); /* answered when its first process runs */
        break;
      case RUNI_KILL:
        slot = slot_find (spawner, request->slot);
        if (slot)
          slot_kill (slot);
        outbox_add (RUNI_DONE, request->id);
        break;
      default:
        result = handle_job (spawner, &fault); /* answered when the process has ended */
      }
  if (result < 0)
    outbox_fail (request->id, &fault);
}

/* The whole size of the message that the first bytes begin, 0 while that is unknown; a sender that breaks the form is not
   answered, as nothing after it could be understood.  */
static size_t
message_size (const struct spawner *spawner)
{
  const struct runi_request *request = &spawner->message.fixed;

  if (spawner->message_used < sizeof *request)
    return 0;
  if (request->version != RUNI_VERSION || request->argv_bytes > RUNI_ARGV_BYTES_MAX
      || request->env_bytes > RUNI_ENV_BYTES_MAX || request->secret_bytes > RUNI_SECRET_BYTES_MAX
      || request->file_bytes > RUNI_FILE_BYTES_MAX
      || request->tail_bytes
             != request->argv_bytes + request->env_bytes + request->secret_bytes + request->file_bytes)
    {
      fprintf (stderr, "runi-helper: the agent sent a request of another form\n");
      exit_status = 1;
      over = true;
      return 0;
    }
  return sizeof *request + request->tail_bytes;
}

/* Reads no further than the message's end, so that the buffer holds one message only.  */
static void
read_agent (struct spawner *spawner)
{
  char *bytes = (char *) &spawner->message;
  size_t size = message_size (spawner);
  size_t wanted = (size ? size : sizeof spawner->message.fixed) - spawner->message_used;
  ssize_t got = recv (spawner->agent_socket, bytes + spawner->message_used, wanted, MSG_DONTWAIT);

  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (got <= 0)
    {
      over = true;
      return;
    }
  spawner->message_used += (size_t) got;
  size = message_size (spawner);
  if (size == 0 || spawner->message_used < size)
    return;
  handle_request (spawner);
  explicit_bzero (&spawner->message, size);
  spawner->message_used = 0;
}

static void
end_job (struct job *job)
{
  siginfo_t status = { 0 };
  struct fault fault = { 0 };

  if (waitid (P_PIDFD, (id_t) job->pidfd, &status, WEXITED | WNOHANG) < 0 || status.si_pid == 0)
    return;
  if (recv (job->talk, &fault, sizeof fault, MSG_DONTWAIT) == (ssize_t) sizeof fault)
    outbox_fail (job->id, &fault);
  else if (status.si_code == CLD_EXITED && status.si_status == 0)
    outbox_add (RUNI_DONE, job->id);
  else
    {
      fault_set (&fault, RUNI_KERNEL, "the process that publishes was ended");
      outbox_fail (job->id, &fault);
    }
  unwatch_and_close (&job->pidfd);
  close_fd (&job->talk);
  job->used = false;
}

/* A first SIGTERM or SIGINT lets the agent put its house in order; the agent's end, a second signal or the alarm ends all.  */
static void
read_signal (struct spawner *spawner, int signals)
{
  static bool asked;
  struct signalfd_siginfo info;

  if (read (signals, &info, sizeof info) != (ssize_t) sizeof info)
    return;
  if (asked)
    over = true;
  asked = true;
  alarm (ORDER_TIMEOUT_S);
  kernel_pidfd_kill (spawner->agent_pidfd, SIGTERM);
}

/* The exchange holds the logs and the agent cannot reach another: when it dies all ends, and whoever started us starts the
   unit again.  */
static void
end_exchange (struct spawner *spawner)
{
  siginfo_t status = { 0 };

  if (waitid (P_PIDFD, (id_t) spawner->exchange_pidfd, &status, WEXITED | WNOHANG) < 0 || status.si_pid == 0)
    return;
  unwatch_and_close (&spawner->exchange_pidfd);
  fprintf (stderr, "runi-helper: the exchange has ended (%s %d)\n",
           status.si_code == CLD_EXITED ? "exit code" : "signal", status.si_status);
  exit_status = 1;
  over = true;
}

static void
end_agent (struct spawner *spawner)
{
  siginfo_t status = { 0 };

  if (waitid (P_PIDFD, (id_t) spawner->agent_pidfd, &status, WEXITED | WNOHANG) < 0 || status.si_pid == 0)
    return;
  unwatch_and_close (&spawner->agent_pidfd);
  exit_status = status.si_code == CLD_EXITED ? status.si_status : 128 + status.si_status;
  over = true;
}

static void
handle (struct spawner *spawner, int signals, uint64_t data)
{
  unsigned index = (unsigned) data;

  switch ((enum source) (data >> 32))
    {
    case SOURCE_AGENT_SOCKET:
      send_events (spawner);
      if (!outbox_is_full ())
        read_agent (spawner);
      return;
    case SOURCE_AGENT:
      end_agent (spawner);
      return;
    case SOURCE_EXCHANGE:
      end_exchange (spawner);
      return;
    case SOURCE_SIGNALS:
      read_signal (spawner, signals);
      return;
    case SOURCE_SLOT:
      slot_end (spawner, &spawner->slots[index]);
      return;
    case SOURCE_SLOT_TALK:
      slot_read_talk (&spawner->slots[index]);
      return;
    case SOURCE_SLOT_MEMORY:
      slot_read_memory (&spawner->slots[index]);
      return;
    case SOURCE_JOB:
      end_job (&spawner->jobs[index]);
      return;
    }
}

static bool
turn (struct spawner *spawner, int signals, int timeout_ms)
{
  struct epoll_event event;
  int got = epoll_wait (watch_epoll, &event, 1, timeout_ms);

  if (got < 0 && errno != EINTR)
    die_errno ("wait for events");
  if (got > 0)
    handle (spawner, signals, event.data.u64);
  return got > 0;
}

static bool
anything_left (const struct spawner *spawner)
{
  for (unsigned i = 0; i < RUNI_SLOTS_MAX; i++)
    if (spawner->slots[i].used)
      return true;
  for (unsigned i = 0; i < JOBS_MAX; i++)
    if (spawner->jobs[i].used)
      return true;
  return false;
}

/* Waits for the process for at most that time, then kills it; *code, if it is 0, becomes its exit code.  */
static void
end_process (int *pidfd, int timeout_ms, int *code)
{
  struct pollfd ended = { .fd = *pidfd, .events = POLLIN };
  siginfo_t status = { 0 };

  if (*pidfd < 0)
    return;
  if (poll (&ended, 1, timeout_ms) <= 0)
    kernel_pidfd_kill (*pidfd, SIGKILL);
  while (waitid (P_PIDFD, (id_t) *pidfd, &status, WEXITED) < 0 && errno == EINTR)
    continue;
  if (*code == 0)
    *code = status.si_code == CLD_EXITED ? status.si_status : 128 + status.si_status;
  close_fd (pidfd);
}

/* Ends slots first, so that their last words still reach the exchange and their ends the agent; then lets the agent, which
   sees its socket close, put its own house in order.  */
static void
end_all (struct spawner *spawner, int signals)
{
  struct timespec start, now;
  int ignored = 1;

  ending = true;
  epoll_ctl (watch_epoll, EPOLL_CTL_DEL, spawner->agent_socket, NULL);
  for (unsigned i = 0; i < RUNI_SLOTS_MAX; i++)
    if (spawner->slots[i].used)
      slot_kill (&spawner->slots[i]);
  clock_gettime (CLOCK_MONOTONIC, &start);
  while (anything_left (spawner))
    {
      send_events (spawner);
      turn (spawner, signals, RETRY_MS);
      slots_retry_removals (spawner);
      clock_gettime (CLOCK_MONOTONIC, &now);
      if ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 > END_TIMEOUT_MS)
        die ("processes of slices do not end");
    }
  send_events (spawner);
  close_fd (&spawner->agent_socket);
  end_process (&spawner->agent_pidfd, END_TIMEOUT_MS, &exit_status);
  end_process (&spawner->exchange_pidfd, 0, &ignored);
  cgroup_stop ();
}

int
loop_run (struct spawner *spawner, int signals)
{
  bool waiting = false, idle = false;

  watch_start ();
  watch (spawner->agent_socket, SOURCE_AGENT_SOCKET, 0);
  watch (spawner->agent_pidfd, SOURCE_AGENT, 0);
  watch (spawner->exchange_pidfd, SOURCE_EXCHANGE, 0);
  watch (signals, SOURCE_SIGNALS, 0);
  say_ready (spawner);
  while (!over)
    {
      if (!outbox_is_empty ())
        send_events (spawner);
      idle = idle || slots_launching (spawner);
      /* Whenever nothing is to be done, one more namespace is made ahead for the next launch.  */
      if (!turn (spawner, signals, waiting ? RETRY_MS : idle ? -1 : 0))
        idle = !idmap_prepare (spawner->uid_next) && !network_prepare ();
      else
        idle = false;
      waiting = slots_retry_removals (spawner);
    }
  end_all (spawner, signals);
  return exit_status;
}
