/* Load for `npm run bench barn`, shared by its parts: barn-load.c (connections and the loop), barn-samples.c (what was
 * measured), barn-framed.c and barn-grpc.c (what is said to either side). */
#ifndef BARN_LOAD_H
#define BARN_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { buffer_bytes = 64 * 1024, authority_bytes = 64 };

struct connection {
  int fd;
  int endpoint;
  uint8_t *out;
  size_t out_length, out_sent;
  uint8_t in[buffer_bytes];
  size_t in_length;
  uint64_t skip;     /* framed: bytes of an answer that nobody looks at */
  uint32_t stream;   /* grpc: of the last request */
  bool got_data, waiting, is_watcher;
  uint64_t consumed; /* grpc: bytes since the last window update */
  double sent_at;
  unsigned events;
};

/* What one request asks for; a watcher's connection asks for a watch, the others for a range from key to end. */
struct question {
  const char *key, *end; /* no end: one key */
  const uint8_t *value;  /* none: not a put */
  size_t value_length;
};

/* How a side is spoken to. */
struct protocol {
  /* What a new connection says first. */
  void (*greet) (struct connection *);
  void (*ask) (struct connection *, const struct question *);
  /* Takes one piece off what was read; returns its length, 0 when it is not whole yet. */
  size_t (*take) (struct connection *, const uint8_t *at, size_t length);
};

extern const struct protocol framed, grpc;

/* barn-load.c */
void die (const char *what);
double now (void);
void put_u32 (uint8_t *at, uint32_t value);
uint32_t get_u32 (const uint8_t *at);
void append (struct connection *c, const void *bytes, size_t length);
void flush (struct connection *c);
/* The request under way has its answer; the next one is sent. */
void answered (struct connection *c, bool well);
/* A watcher saw so many more events. */
void watched (struct connection *c, unsigned count);
/* The endpoint's HOST:PORT. */
const char *authority_of (const struct connection *c);

/* barn-samples.c */
void open_samples (void);
/* The time starts to count. */
void begin_samples (double at);
/* An answer to what was sent at `sent_at`. */
void sample_answer (double sent_at);
/* A write that watchers will tell of; false when there is no room for more. */
bool sample_write (double at);
/* One of `watchers` saw the write of that number: what counts is the last of them. */
void sample_event (unsigned write, unsigned watchers);
/* One line of JSON. */
void print_samples (unsigned long answers, unsigned long failed, unsigned long reconnects);

#endif
