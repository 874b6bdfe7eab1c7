#include "slots.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "mounts.h"
#include "outbox.h"
#include "watch.h"

struct slot *
slot_find (struct spawner *spawner, const char *name)
{
  for (unsigned i = 0; i < RUNI_SLOTS_MAX; i++)
    if (spawner->slots[i].used && !strcmp (spawner->slots[i].name, name))
      return &spawner->slots[i];
  return NULL;
}

void
slot_kill (struct slot *slot)
{
  if (!slot->ended)
    kernel_pidfd_kill (slot->pidfd, SIGKILL); /* pid 1 of the slice: the kernel ends the whole namespace with it */
}

static void
map_user (struct slot *slot)
{
  const char mapped = TALK_MAPPED;

  if (idmap_write (slot->pid, SLICE_ID, slot->uid, SLICE_ID, slot->uid) < 0)
    {
      fault_errno (&slot->fault, "map the slice's user");
      slot_kill (slot);
    }
  else if (send (slot->talk, &mapped, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    slot_kill (slot);
}

bool
slot_read_talk (struct slot *slot)
{
  struct
  {
    char type;
    union
    {
      struct fault fault;
      uint32_t numbers[2];
    } body;
  } message;
  ssize_t got;

  memset (&message, 0, sizeof message);
  got = recv (slot->talk, &message, sizeof message, MSG_DONTWAIT);
  if (got <= 0)
    {
      if (got == 0)
        unwatch_and_close (&slot->talk);
      return false;
    }
  switch (message.type)
    {
    case TALK_USER_NAMESPACE:
      map_user (slot);
      break;
    case TALK_FAILED:
      slot->fault = message.body.fault;
      slot->fault.text[sizeof slot->fault.text - 1] = '\0';
      break;
    case TALK_REFUSED:
      fault_set (&slot->fault, RUNI_INVALID, "%.*s", (int) got - 1, (const char *) &message + 1);
      break;
    case TALK_STARTED:
      if (!slot->answered)
        outbox_add (RUNI_DONE, slot->launch_id)->pid = (uint32_t) slot->pid;
      slot->answered = true;
      break;
    case TALK_EXITED:
      slot->reported = true;
      slot->exit_code = message.body.numbers[0];
      slot->signal = message.body.numbers[1];
      break;
    default:
      slot_kill (slot);
    }
  return true;
}

void
slot_read_memory (struct slot *slot)
{
  char bytes[4096];
  struct usage usage = { 0 };

  if (read (slot->memory, bytes, sizeof bytes) < 0)
    return;
  cgroup_driver ()->measure (&slot->group, &usage);
  if (!cgroup_driver ()->watch_is_certain && usage.oom_kills == 0)
    return;
  slot->out_of_memory = true;
  slot_kill (slot); /* the kernel killed one process, and a step without one of its processes cannot be trusted */
}

static void
free_slot (struct spawner *spawner, struct slot *slot)
{
  edges_release (spawner, slot);
  if (slot->answered)
    {
      struct runi_event *event = outbox_add (RUNI_EXITED, 0);

      memcpy (event->slot, slot->name, sizeof event->slot);
      event->exit_code = slot->exit_code;
      event->signal = slot->signal;
      event->oom_killed = slot->out_of_memory;
      event->memory_peak_bytes = slot->usage.memory_peak_bytes;
      event->cpu_us = slot->usage.cpu_us;
      event->pids_refused = slot->usage.pids_refused;
      event->cpu_throttled = slot->usage.cpu_throttled;
    }
  else
    {
      if (slot->fault.reason == 0)
        fault_set (&slot->fault, RUNI_KERNEL, "the slice ended before its first process ran%s",
                   slot->out_of_memory ? ": out of memory" : "");
      outbox_fail (slot->launch_id, &slot->fault);
    }
  slot->used = false;
}

/* False while the group is not empty yet.  */
static bool
remove_slot (struct spawner *spawner, struct slot *slot)
{
  if (!cgroup_remove (&slot->group))
    {
      cgroup_driver ()->kill (&slot->group);
      return false;
    }
  free_slot (spawner, slot);
  return true;
}

void
slot_end (struct spawner *spawner, struct slot *slot)
{
  siginfo_t status = { 0 };

  if (waitid (P_PIDFD, (id_t) slot->pidfd, &status, WEXITED | WNOHANG) < 0 || status.si_pid == 0)
    return;
  while (slot->talk >= 0 && slot_read_talk (slot))
    continue;
  unwatch_and_close (&slot->pidfd);
  unwatch_and_close (&slot->talk);
  slot->ended = true;
  if (!slot->reported)
    {
      slot->signal = status.si_code == CLD_EXITED ? 0 : (uint32_t) status.si_status;
      slot->exit_code = status.si_code == CLD_EXITED ? (uint32_t) status.si_status : 0;
    }
  cgroup_driver ()->measure (&slot->group, &slot->usage);
  if (slot->usage.oom_kills > 0)
    slot->out_of_memory = true;
  unwatch_and_close (&slot->memory);
  remove_slot (spawner, slot);
}

bool
slots_launching (const struct spawner *spawner)
{
  for (unsigned i = 0; i < RUNI_SLOTS_MAX; i++)
    if (spawner->slots[i].used && !spawner->slots[i].answered)
      return true;
  return false;
}

bool
slots_retry_removals (struct spawner *spawner)
{
  bool waiting = false;

  for (unsigned i = 0; i < RUNI_SLOTS_MAX; i++)
    if (spawner->slots[i].used && spawner->slots[i].ended && !remove_slot (spawner, &spawner->slots[i]))
      waiting = true;
  return waiting;
}
