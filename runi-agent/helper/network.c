#include "network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define AHEAD_MAX 4

static int own = -1;
static int ahead[AHEAD_MAX];
static unsigned ahead_count;

void
network_start (void)
{
  own = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0)
    die_errno ("open my own network namespace");
}

static int
raise_loopback (struct fault *fault)
{
  cleanup_fd int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = { .ifr_name = "lo" };

  if (fd < 0 || ioctl (fd, SIOCGIFFLAGS, &request) < 0)
    return fault_errno (fault, "read the flags of lo");
  request.ifr_flags |= IFF_UP;
  if (ioctl (fd, SIOCSIFFLAGS, &request) < 0)
    return fault_errno (fault, "raise lo");
  return 0;
}

/* The spawner goes into the new namespace and comes back; it has no socket that a namespace would matter to.  */
static int
make (struct fault *fault)
{
  cleanup_fd int made = -1;
  int result;

  if (unshare (CLONE_NEWNET) < 0)
    return fault_errno (fault, "make a network namespace");
  result = raise_loopback (fault);
  made = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (result == 0 && made < 0)
    result = fault_errno (fault, "open a network namespace");
  if (setns (own, CLONE_NEWNET) < 0)
    die_errno ("return to my own network namespace");
  return result < 0 ? -1 : take_fd (&made);
}

int
network_take (struct fault *fault)
{
  return ahead_count > 0 ? ahead[--ahead_count] : make (fault);
}

bool
network_prepare (void)
{
  struct fault unused;
  int made = ahead_count < AHEAD_MAX ? make (&unused) : -1;

  if (made < 0)
    return false;
  ahead[ahead_count++] = made;
  return true;
}
