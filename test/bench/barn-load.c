/* Load for `npm run bench barn`: one thread, one outstanding request a connection, the same for both sides.
 *
 *   barn-load framed|grpc put|get|range|fill|watch CLIENTS SECONDS VALUE_BYTES KEYS TIMEOUT_MS ADDRESS:PORT[,…]
 *
 * framed and grpc are told in barn-framed.c and barn-grpc.c.
 * fill: puts every key once, in order, and ends then.
 * watch: CLIENTS connections watch one key, one more puts it VALUE_BYTES long 20 times a second; what is timed is the last one.
 * Prints one line of JSON. */
#define _GNU_SOURCE
#include "barn-load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { endpoints_max = 9 };

static const struct protocol *protocol;
static const char *verb;
static bool is_fill, is_watch;
static unsigned clients, key_count, timeout_ms;
static double seconds;
static size_t value_bytes;
static struct sockaddr_in endpoints[endpoints_max];
static char authorities[endpoints_max][authority_bytes];
static int endpoint_count, poller;
static struct connection *connections;
static unsigned long failed, reconnects, answers;
static unsigned key_seed = 12345, filled;
static bool measuring, is_over;

void
die (const char *what)
{
  fprintf (stderr, "barn-load: %s: %s\n", what, strerror (errno));
  exit (1);
}

double
now (void)
{
  struct timespec at;

  if (clock_gettime (CLOCK_MONOTONIC, &at) < 0)
    die ("clock");
  return (double) at.tv_sec + (double) at.tv_nsec / 1e9;
}

void
put_u32 (uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t) (value >> 24);
  at[1] = (uint8_t) (value >> 16);
  at[2] = (uint8_t) (value >> 8);
  at[3] = (uint8_t) value;
}

uint32_t
get_u32 (const uint8_t *at)
{
  return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

void
append (struct connection *c, const void *bytes, size_t length)
{
  memcpy (c->out + c->out_length, bytes, length);
  c->out_length += length;
}

void
flush (struct connection *c)
{
  ssize_t written;

  while (c->out_sent < c->out_length)
    {
      written = write (c->fd, c->out + c->out_sent, c->out_length - c->out_sent);
      if (written < 0 && errno == EAGAIN)
        return; /* requests are small: what is left goes with the next one */
      if (written < 0)
        return; /* the read side hears of it */
      c->out_sent += (size_t) written;
    }
  c->out_sent = c->out_length = 0;
}

const char *
authority_of (const struct connection *c)
{
  return authorities[c->endpoint];
}

static void
request (struct connection *c)
{
  static uint8_t value[buffer_bytes];
  bool is_put = is_fill || strcmp (verb, "put") == 0 || (is_watch && !c->is_watcher);
  bool is_range = strcmp (verb, "range") == 0;
  char key[32];
  struct question question = { .key = key, .end = is_range ? "k0" : NULL };

  if (is_fill && filled == key_count)
    return;
  if (is_watch)
    snprintf (key, sizeof key, "watched");
  else if (is_fill)
    snprintf (key, sizeof key, "k/%08u", filled++);
  else if (is_range)
    snprintf (key, sizeof key, "k/");
  else
    snprintf (key, sizeof key, "k/%08u", (unsigned) rand_r (&key_seed) % key_count);
  if (is_put)
    {
      memset (value, 'x', value_bytes);
      question.value = value;
      question.value_length = value_bytes;
    }
  protocol->ask (c, &question);
  c->waiting = true;
  c->got_data = false;
  c->sent_at = now ();
  flush (c);
}

void
answered (struct connection *c, bool well)
{
  c->waiting = false;
  answers++;
  if (!well)
    failed++;
  else if (measuring && !is_watch)
    sample_answer (c->sent_at);
  if (!is_over && !is_watch)
    request (c);
}

void
watched (struct connection *c, unsigned count)
{
  for (; count > 0; count--)
    sample_event (c->events++, clients);
}

static void
connect_to (struct connection *c)
{
  int one = 1;
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

  c->fd = socket (AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0)
    die ("socket");
  c->in_length = c->out_length = c->out_sent = 0;
  c->skip = c->consumed = 0;
  c->stream = 0;
  if (connect (c->fd, (struct sockaddr *) &endpoints[c->endpoint], sizeof endpoints[0]) < 0)
    {
      close (c->fd);
      c->fd = -1;
      return;
    }
  if (fcntl (c->fd, F_SETFL, O_NONBLOCK) < 0 || setsockopt (c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
    die ("socket option");
  if (epoll_ctl (poller, EPOLL_CTL_ADD, c->fd, &event) < 0)
    die ("epoll_ctl");
  protocol->greet (c);
}

/* The connection broke or was too slow: the next endpoint is asked. */
static void
reconnect (struct connection *c)
{
  if (c->fd >= 0)
    close (c->fd);
  reconnects++;
  c->waiting = false;
  c->endpoint = (c->endpoint + 1) % endpoint_count;
  connect_to (c);
  if (c->fd >= 0 && !is_over)
    request (c);
}

static void
readable (struct connection *c)
{
  ssize_t got = read (c->fd, c->in + c->in_length, sizeof c->in - c->in_length);
  size_t at = 0, taken;

  if (got < 0 && errno == EAGAIN)
    return;
  if (got <= 0)
    {
      reconnect (c);
      return;
    }
  c->in_length += (size_t) got;
  while (at < c->in_length)
    {
      taken = protocol->take (c, c->in + at, c->in_length - at);
      if (taken == 0)
        break;
      at += taken;
    }
  memmove (c->in, c->in + at, c->in_length - at);
  c->in_length -= at;
}

static void
parse_endpoints (char *text)
{
  char *one, *port;

  for (one = strtok (text, ","); one != NULL && endpoint_count < endpoints_max; one = strtok (NULL, ","))
    {
      snprintf (authorities[endpoint_count], authority_bytes, "%s", one);
      port = strchr (one, ':');
      if (port == NULL)
        die ("an endpoint without a port");
      *port = 0;
      endpoints[endpoint_count].sin_family = AF_INET;
      endpoints[endpoint_count].sin_port = htons ((uint16_t) atoi (port + 1));
      if (inet_pton (AF_INET, one, &endpoints[endpoint_count++].sin_addr) != 1)
        die ("an endpoint's address");
    }
}

/* All keys were sent, and nobody waits any more. */
static bool
is_filled (void)
{
  unsigned i;

  if (!is_fill || filled < key_count)
    return false;
  for (i = 0; i < clients; i++)
    if (connections[i].waiting)
      return false;
  return true;
}

static void
late_ones (double at)
{
  unsigned i;

  for (i = 0; i < clients; i++)
    if (connections[i].fd < 0 || (connections[i].waiting && (at - connections[i].sent_at) * 1e3 > timeout_ms))
      reconnect (&connections[i]);
}

static void
parse (char **argv)
{
  protocol = strcmp (argv[1], "grpc") == 0 ? &grpc : &framed;
  verb = argv[2];
  is_fill = strcmp (verb, "fill") == 0;
  is_watch = strcmp (verb, "watch") == 0;
  clients = (unsigned) atoi (argv[3]);
  seconds = atof (argv[4]);
  value_bytes = (size_t) atoi (argv[5]);
  key_count = (unsigned) atoi (argv[6]);
  timeout_ms = (unsigned) atoi (argv[7]);
  parse_endpoints (argv[8]);
  if (endpoint_count == 0 || clients == 0 || value_bytes > 16000 || key_count == 0)
    {
      fprintf (stderr, "barn-load: bad arguments\n");
      exit (2);
    }
}

/* The clients, and for a watch the writer after them. */
static void
open_connections (void)
{
  unsigned n, count = is_watch ? clients + 1 : clients;

  poller = epoll_create1 (EPOLL_CLOEXEC);
  connections = calloc (count, sizeof *connections);
  if (poller < 0 || connections == NULL)
    die ("memory");
  for (n = 0; n < count; n++)
    {
      connections[n].out = malloc (buffer_bytes);
      if (connections[n].out == NULL)
        die ("memory");
      connections[n].endpoint = (int) n % endpoint_count;
      connections[n].is_watcher = is_watch && n < clients;
      connect_to (&connections[n]);
      if (connections[n].fd < 0)
        die ("connect");
      if (n < clients)
        request (&connections[n]);
    }
}

static void
load (void)
{
  struct epoll_event events[256];
  double at, warm = now () + (is_watch ? 1.0 : seconds * 0.2), next_write = 0;
  int i, count;

  while ((at = now ()) < warm + seconds && !is_filled ())
    {
      if (!measuring && at >= warm)
        {
          measuring = true;
          begin_samples (at);
          next_write = at;
        }
      if (measuring && is_watch && at >= next_write && at < warm + seconds - 0.5 && !connections[clients].waiting
          && sample_write (at))
        {
          next_write += 0.05;
          request (&connections[clients]);
        }
      count = epoll_wait (poller, events, 256, is_watch ? 1 : 20);
      if (count < 0 && errno != EINTR)
        die ("epoll_wait");
      for (i = 0; i < count; i++)
        readable (events[i].data.ptr);
      if (!is_watch)
        late_ones (now ());
    }
  is_over = true;
}

int
main (int argc, char **argv)
{
  if (argc != 9)
    {
      fprintf (stderr, "usage: barn-load framed|grpc put|get|range|fill|watch CLIENTS SECONDS VALUE_BYTES KEYS TIMEOUT_MS ENDPOINTS\n");
      return 2;
    }
  parse (argv);
  if (signal (SIGPIPE, SIG_IGN) == SIG_ERR)
    die ("signal");
  open_samples ();
  open_connections ();
  load ();
  print_samples (answers, failed, reconnects);
  return 0;
}
