/* The words of test/support/barn-process/wire.ts: length u32, request u32, kind u8, body; little-endian. One request is under way
 * on a connection, so its number says nothing. */
#include "barn-load.h"

#include <string.h>

enum { head_bytes = 9, put = 1, get = 2, list = 6, follow = 7, ok = 16, event = 18 };

static void
put_little (uint8_t *at, uint32_t value, unsigned bytes)
{
  for (; bytes > 0; bytes--, value >>= 8)
    *at++ = (uint8_t) value;
}

static uint32_t
get_little (const uint8_t *at)
{
  return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

static void
greet (struct connection *c)
{
  (void) c;
}

static void
ask (struct connection *c, const struct question *q)
{
  size_t key_length = strlen (q->key);
  /* Before the key: its length (u16), or that a get is linearizable (u8). */
  size_t before = q->value != NULL || q->end != NULL ? 2 : c->is_watcher ? 0 : 1;
  size_t end_length = q->end != NULL ? strlen (q->end) : 0;
  uint8_t head[head_bytes + 2] = { 0 };

  if (before == 2)
    put_little (head + head_bytes, (uint32_t) key_length, 2);
  head[8] = q->value != NULL ? put : c->is_watcher ? follow : q->end != NULL ? list : get;
  put_little (head, (uint32_t) (head_bytes - 4 + before + key_length + q->value_length + end_length), 4);
  append (c, head, head_bytes + before);
  append (c, q->key, key_length);
  if (q->value != NULL)
    append (c, q->value, q->value_length);
  if (q->end != NULL)
    append (c, q->end, end_length);
}

static size_t
take (struct connection *c, const uint8_t *at, size_t length)
{
  size_t body;

  if (c->skip > 0)
    {
      body = length < c->skip ? length : c->skip;
      c->skip -= body;
      if (c->skip == 0 && !c->is_watcher)
        answered (c, c->got_data);
      return body;
    }
  if (length < head_bytes)
    return 0;
  body = get_little (at) - (head_bytes - 4);
  if (at[8] == event)
    {
      if (length < head_bytes + body)
        return 0;
      watched (c, get_little (at + head_bytes));
      return head_bytes + body;
    }
  c->skip = body;
  c->got_data = at[8] == ok;
  if (body == 0 && !c->is_watcher)
    answered (c, c->got_data);
  return head_bytes;
}

const struct protocol framed = { greet, ask, take };
