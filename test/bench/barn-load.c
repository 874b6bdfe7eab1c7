/* Load for `npm run bench barn`: one thread, one outstanding request a connection, the same for both sides.
 *
 *   barn-load framed|grpc put|get|range|fill|watch CLIENTS SECONDS VALUE_BYTES KEYS TIMEOUT_MS ADDRESS:PORT[,…]
 *
 * framed is the bench's own protocol (barn-server.ts): u32 length, u8 verb, then key length u16, key, value; answers are u32
 * length and so many bytes. grpc is as much of HTTP/2 (RFC 9113) and HPACK (RFC 7541) as etcd's calls need: header blocks that
 * are sent once and then named by index, answers whose header blocks are not decoded: an answer with data has succeeded.
 * fill: puts every key once, in order, and ends then.
 * watch: CLIENTS connections watch one key, one more puts it VALUE_BYTES long 20 times a second; what is timed is the last one.
 * Prints one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { endpoints_max = 9, samples_max = 4 * 1000 * 1000, writes_max = 4096, buffer_bytes = 64 * 1024 };

struct connection {
  int fd;
  int endpoint;
  uint8_t *out;
  size_t out_length, out_sent;
  uint8_t in[buffer_bytes];
  size_t in_length;
  uint64_t skip;            /* bytes of an answer that nobody looks at */
  uint32_t stream;          /* grpc: of the last request */
  bool got_data, waiting, is_watcher;
  uint64_t consumed;        /* grpc: bytes since the last window update */
  double sent_at;
  unsigned events;
};

static bool is_grpc;
static const char *verb;
static unsigned clients, key_count, timeout_ms;
static double seconds;
static size_t value_bytes;
static struct sockaddr_in endpoints[endpoints_max];
static char authorities[endpoints_max][64];
static int endpoint_count, poller;
static struct connection *connections;
static float *samples;
static size_t sample_count;
static unsigned long failed, reconnects, answers;
static double first_at, last_at, gap_max;
static double write_at[writes_max];
static unsigned write_seen[writes_max];
static unsigned write_count;
static unsigned key_seed = 12345, filled;
static bool measuring, is_over;

static void
die (const char *what)
{
  fprintf (stderr, "barn-load: %s: %s\n", what, strerror (errno));
  exit (1);
}

static double
now (void)
{
  struct timespec at;

  if (clock_gettime (CLOCK_MONOTONIC, &at) < 0)
    die ("clock");
  return (double) at.tv_sec + (double) at.tv_nsec / 1e9;
}

static void
put_u32 (uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t) (value >> 24);
  at[1] = (uint8_t) (value >> 16);
  at[2] = (uint8_t) (value >> 8);
  at[3] = (uint8_t) value;
}

static uint32_t
get_u32 (const uint8_t *at)
{
  return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static void
append (struct connection *c, const void *bytes, size_t length)
{
  memcpy (c->out + c->out_length, bytes, length);
  c->out_length += length;
}

static void
frame (struct connection *c, size_t length, uint8_t type, uint8_t flags, uint32_t stream)
{
  uint8_t header[9] = { (uint8_t) (length >> 16), (uint8_t) (length >> 8), (uint8_t) length, type, flags };

  put_u32 (header + 5, stream);
  append (c, header, sizeof header);
}

static size_t
varint (uint8_t *at, size_t value)
{
  size_t length = 0;

  for (; value >= 0x80; value >>= 7)
    at[length++] = (uint8_t) (value | 0x80);
  at[length++] = (uint8_t) value;
  return length;
}

/* A length-delimited field of a protobuf message. */
static size_t
field (uint8_t *at, unsigned number, const void *bytes, size_t length)
{
  size_t used = varint (at, number << 3 | 2);

  used += varint (at + used, length);
  memcpy (at + used, bytes, length);
  return used + length;
}

static const char *
path (void)
{
  return strcmp (verb, "watch") == 0 ? "/etcdserverpb.Watch/Watch" : "/etcdserverpb.KV/Range";
}

static void
headers (struct connection *c, const char *to, bool is_first)
{
  static const uint8_t known[] = { 0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe };
  const char *authority = authorities[c->endpoint];
  uint8_t block[256];
  size_t at = 0;

  if (!is_first)
    {
      frame (c, sizeof known, 1, 4, c->stream);
      append (c, known, sizeof known);
      return;
    }
  block[at++] = 0x83;
  block[at++] = 0x86;
  block[at++] = 0x44;
  block[at++] = (uint8_t) strlen (to);
  memcpy (block + at, to, strlen (to));
  at += strlen (to);
  block[at++] = 0x41;
  block[at++] = (uint8_t) strlen (authority);
  memcpy (block + at, authority, strlen (authority));
  at += strlen (authority);
  block[at++] = 0x5f;
  block[at++] = 16;
  memcpy (block + at, "application/grpc", 16);
  at += 16;
  memcpy (block + at, "\x40\x02te\x08trailers", 13);
  at += 13;
  frame (c, at, 1, 4, c->stream);
  append (c, block, at);
}

static void
send_grpc (struct connection *c, const char *to, const uint8_t *message, size_t length, bool ends)
{
  bool is_first = c->stream == 0;
  uint8_t prefix[5] = { 0 };

  c->stream = is_first ? 1 : c->stream + 2;
  headers (c, to, is_first);
  put_u32 (prefix + 1, (uint32_t) length);
  frame (c, length + sizeof prefix, 0, ends ? 1 : 0, c->stream);
  append (c, prefix, sizeof prefix);
  append (c, message, length);
}

static void
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

static void
request (struct connection *c)
{
  static uint8_t message[buffer_bytes], inner[buffer_bytes], value[buffer_bytes];
  char key[32], end[32] = "k0";
  uint16_t key_length;
  uint8_t code;
  size_t length = 0;
  bool is_fill = strcmp (verb, "fill") == 0;
  bool is_put = is_fill || strcmp (verb, "put") == 0 || (strcmp (verb, "watch") == 0 && !c->is_watcher);
  bool is_range = strcmp (verb, "range") == 0;

  if (is_fill && filled == key_count)
    return;
  if (strcmp (verb, "watch") == 0)
    snprintf (key, sizeof key, "watched");
  else if (is_fill)
    snprintf (key, sizeof key, "k/%08u", filled++);
  else if (is_range)
    snprintf (key, sizeof key, "k/");
  else
    snprintf (key, sizeof key, "k/%08u", (unsigned) rand_r (&key_seed) % key_count);
  memset (value, 'x', value_bytes);
  if (is_grpc)
    {
      length = field (message, 1, key, strlen (key));
      if (is_put)
        length += field (message + length, 2, value, value_bytes);
      if (is_range)
        length += field (message + length, 2, end, strlen (end));
      if (c->is_watcher)
        {
          memcpy (inner, message, length);
          length = field (message, 1, inner, length);
        }
      send_grpc (c, is_put ? "/etcdserverpb.KV/Put" : path (), message, length, !c->is_watcher);
    }
  else
    {
      key_length = (uint16_t) strlen (key);
      code = is_put ? 'p' : c->is_watcher ? 'w' : is_range ? 'r' : 'g';
      put_u32 (message, (uint32_t) (3 + key_length + (is_put ? value_bytes : 0)));
      message[4] = code;
      message[5] = (uint8_t) (key_length >> 8);
      message[6] = (uint8_t) key_length;
      append (c, message, 7);
      append (c, key, key_length);
      if (is_put)
        append (c, value, value_bytes);
    }
  c->waiting = true;
  c->got_data = false;
  c->sent_at = now ();
  flush (c);
}

static void
answered (struct connection *c, bool well)
{
  double at = now ();

  c->waiting = false;
  answers++;
  if (!well)
    failed++;
  else if (measuring && strcmp (verb, "watch") != 0 && sample_count < samples_max)
    {
      if (last_at > 0 && at - last_at > gap_max)
        gap_max = at - last_at;
      last_at = at;
      samples[sample_count++] = (float) ((at - c->sent_at) * 1e6);
    }
  if (!is_over && strcmp (verb, "watch") != 0)
    request (c);
}

static void
watched (struct connection *c, unsigned count)
{
  for (; count > 0 && c->events < writes_max; count--, c->events++)
    if (++write_seen[c->events] == clients && c->events < write_count && sample_count < samples_max)
      samples[sample_count++] = (float) ((now () - write_at[c->events]) * 1e6);
}

static void
connect_to (struct connection *c)
{
  static const uint8_t settings[] = { 0, 4, 0x7f, 0xff, 0xff, 0xff };
  uint8_t window[4];
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
  if (!is_grpc)
    return;
  append (c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  frame (c, sizeof settings, 4, 0, 0);
  append (c, settings, sizeof settings);
  put_u32 (window, 0x7fff0000 - 65535);
  frame (c, sizeof window, 8, 0, 0);
  append (c, window, sizeof window);
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

/* Events in one message of etcd's watch: fields of number 11. A message is one frame here: they are small. */
static unsigned
count_events (const uint8_t *at, size_t length)
{
  size_t i = 5, size;
  unsigned count = 0, shift, tag;

  while (i < length)
    {
      tag = at[i++];
      for (size = 0, shift = 0; i < length; shift += 7)
        {
          size |= (size_t) (at[i] & 0x7f) << shift;
          if ((at[i++] & 0x80) == 0)
            break;
        }
      if ((tag & 7) == 2)
        i += size;
      if (tag == (11 << 3 | 2))
        count++;
    }
  return count;
}

static size_t
take_grpc (struct connection *c, const uint8_t *at, size_t length)
{
  uint8_t window[4];
  size_t size;

  if (length < 9)
    return 0;
  size = (size_t) at[0] << 16 | (size_t) at[1] << 8 | at[2];
  if (length < 9 + size)
    return 0;
  if (at[3] == 4 && (at[4] & 1) == 0)
    frame (c, 0, 4, 1, 0);
  if (at[3] == 6 && (at[4] & 1) == 0)
    {
      frame (c, 8, 6, 1, 0);
      append (c, at + 9, 8);
    }
  if (at[3] == 0)
    {
      c->got_data = true;
      c->consumed += size;
      if (c->consumed > 64 << 20)
        {
          put_u32 (window, (uint32_t) c->consumed);
          frame (c, sizeof window, 8, 0, 0);
          append (c, window, sizeof window);
          c->consumed = 0;
        }
      if (c->is_watcher)
        watched (c, count_events (at + 9, size));
    }
  if (c->out_length > 0)
    flush (c);
  if (((at[3] == 1 && (at[4] & 1) != 0) || at[3] == 3) && c->waiting && get_u32 (at + 5) == c->stream)
    answered (c, c->got_data);
  return 9 + size;
}

static size_t
take_framed (struct connection *c, const uint8_t *at, size_t length)
{
  uint32_t size;

  if (c->skip > 0)
    {
      size = (uint32_t) (length < c->skip ? length : c->skip);
      c->skip -= size;
      if (c->skip == 0)
        answered (c, true);
      return size;
    }
  if (length < 4)
    return 0;
  size = get_u32 (at);
  if (c->is_watcher)
    {
      if (length < 4 + size)
        return 0;
      watched (c, size > 0 ? at[4] : 0);
      return 4 + size;
    }
  if (size == 0xffffffff)
    answered (c, false);
  else if (size == 0)
    answered (c, true);
  else
    c->skip = size;
  return 4;
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
      taken = is_grpc ? take_grpc (c, c->in + at, c->in_length - at) : take_framed (c, c->in + at, c->in_length - at);
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
      snprintf (authorities[endpoint_count], sizeof authorities[0], "%s", one);
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

  if (strcmp (verb, "fill") != 0 || filled < key_count)
    return false;
  for (i = 0; i < clients; i++)
    if (connections[i].waiting)
      return false;
  return true;
}

static int
by_size (const void *a, const void *b)
{
  float left = *(const float *) a, right = *(const float *) b;

  return left < right ? -1 : left > right;
}

static double
quantile (double share)
{
  return sample_count == 0 ? 0 : (double) samples[(size_t) ((double) (sample_count - 1) * share)];
}

static void
late_ones (double at)
{
  unsigned i;

  for (i = 0; i < clients; i++)
    if (connections[i].fd < 0 || (connections[i].waiting && (at - connections[i].sent_at) * 1e3 > timeout_ms))
      reconnect (&connections[i]);
}

int
main (int argc, char **argv)
{
  struct epoll_event events[256];
  struct connection *writer;
  struct rusage usage;
  double start, at, warm, next_write = 0;
  int i, count;
  unsigned n;

  if (argc != 9)
    {
      fprintf (stderr, "usage: barn-load framed|grpc put|get|range|fill|watch CLIENTS SECONDS VALUE_BYTES KEYS TIMEOUT_MS ENDPOINTS\n");
      return 2;
    }
  is_grpc = strcmp (argv[1], "grpc") == 0;
  verb = argv[2];
  clients = (unsigned) atoi (argv[3]);
  seconds = atof (argv[4]);
  value_bytes = (size_t) atoi (argv[5]);
  key_count = (unsigned) atoi (argv[6]);
  timeout_ms = (unsigned) atoi (argv[7]);
  parse_endpoints (argv[8]);
  if (endpoint_count == 0 || clients == 0 || value_bytes > 16000 || key_count == 0)
    {
      fprintf (stderr, "barn-load: bad arguments\n");
      return 2;
    }
  if (signal (SIGPIPE, SIG_IGN) == SIG_ERR)
    die ("signal");
  poller = epoll_create1 (EPOLL_CLOEXEC);
  samples = calloc (samples_max, sizeof *samples);
  connections = calloc (clients + 1, sizeof *connections);
  if (poller < 0 || samples == NULL || connections == NULL)
    die ("memory");
  for (n = 0; n < clients + 1; n++)
    {
      connections[n].out = malloc (buffer_bytes);
      if (connections[n].out == NULL)
        die ("memory");
      connections[n].fd = -1;
      connections[n].endpoint = (int) n % endpoint_count;
      connections[n].is_watcher = strcmp (verb, "watch") == 0 && n < clients;
      if (n == clients && strcmp (verb, "watch") != 0)
        break;
      connect_to (&connections[n]);
      if (connections[n].fd < 0)
        die ("connect");
      if (n < clients)
        request (&connections[n]);
    }
  writer = &connections[clients];
  start = now ();
  warm = start + (strcmp (verb, "watch") == 0 ? 1.0 : seconds * 0.2);
  while ((at = now ()) < warm + seconds && !is_filled ())
    {
      if (!measuring && at >= warm)
        {
          measuring = true;
          first_at = last_at = at;
          next_write = at;
        }
      if (measuring && strcmp (verb, "watch") == 0 && at >= next_write && !writer->waiting && write_count < writes_max
          && at < warm + seconds - 0.5)
        {
          write_at[write_count++] = at;
          next_write += 0.05;
          request (writer);
        }
      count = epoll_wait (poller, events, 256, strcmp (verb, "watch") == 0 ? 1 : 20);
      if (count < 0 && errno != EINTR)
        die ("epoll_wait");
      for (i = 0; i < count; i++)
        readable (events[i].data.ptr);
      if (strcmp (verb, "watch") != 0)
        late_ones (now ());
    }
  is_over = true;
  if (getrusage (RUSAGE_SELF, &usage) < 0)
    die ("getrusage");
  qsort (samples, sample_count, sizeof *samples, by_size);
  printf ("{\"done\":%zu,\"answers\":%lu,\"perSecond\":%.1f,\"p50Us\":%.0f,\"p99Us\":%.0f,\"maxUs\":%.0f,\"gapMs\":%.1f,\"failed\":%lu,"
          "\"reconnects\":%lu,\"writes\":%u,\"cpuSeconds\":%.3f}\n",
          sample_count, answers, (double) sample_count / (now () - first_at), quantile (0.5), quantile (0.99), quantile (1),
          gap_max * 1e3, failed, reconnects, write_count,
          (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
  return 0;
}
