/* As much of HTTP/2 (RFC 9113) and HPACK (RFC 7541) as etcd's calls need: header blocks that are sent once and then named by
 * index, answers whose header blocks are not decoded: an answer with data has succeeded. */
#include "barn-load.h"

#include <string.h>

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

static void
headers (struct connection *c, const char *to, bool is_first)
{
  static const uint8_t known[] = { 0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe };
  const char *authority = authority_of (c);
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
call (struct connection *c, const char *to, const uint8_t *message, size_t length, bool ends)
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
greet (struct connection *c)
{
  static const uint8_t settings[] = { 0, 4, 0x7f, 0xff, 0xff, 0xff };
  uint8_t window[4];

  append (c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  frame (c, sizeof settings, 4, 0, 0);
  append (c, settings, sizeof settings);
  put_u32 (window, 0x7fff0000 - 65535);
  frame (c, sizeof window, 8, 0, 0);
  append (c, window, sizeof window);
}

static void
ask (struct connection *c, const struct question *q)
{
  static uint8_t message[buffer_bytes], inner[buffer_bytes];
  size_t length = field (message, 1, q->key, strlen (q->key));

  if (q->value != NULL)
    length += field (message + length, 2, q->value, q->value_length);
  if (q->end != NULL)
    length += field (message + length, 2, q->end, strlen (q->end));
  if (c->is_watcher)
    {
      memcpy (inner, message, length);
      length = field (message, 1, inner, length);
      call (c, "/etcdserverpb.Watch/Watch", message, length, false);
    }
  else
    call (c, q->value != NULL ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range", message, length, true);
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
take (struct connection *c, const uint8_t *at, size_t length)
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

const struct protocol grpc = { greet, ask, take };
