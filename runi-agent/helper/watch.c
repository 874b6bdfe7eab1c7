#include "watch.h"

#include <sys/epoll.h>

#include "fault.h"

int watch_epoll = -1;

void
watch_start (void)
{
  watch_epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (watch_epoll < 0)
    die_errno ("make an epoll");
}

void
watch (int fd, enum source source, unsigned index)
{
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t) source << 32 | index };

  if (epoll_ctl (watch_epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    die_errno ("watch a descriptor");
}

void
unwatch_and_close (int *fd)
{
  if (*fd >= 0)
    epoll_ctl (watch_epoll, EPOLL_CTL_DEL, *fd, NULL);
  close_fd (fd);
}
