/* The bench's own protocol (barn-server.ts): u32 length, u8 verb, then key length u16, key, value; answers are u32 length and
 * so many bytes, all ones for a refusal; a watcher's say how many events there are. */
#include "barn-load.h"

#include <string.h>

static void
greet (struct connection *c)
{
  (void) c;
}

static void
ask (struct connection *c, const struct question *q)
{
  uint16_t key_length = (uint16_t) strlen (q->key);
  uint8_t head[7];

  put_u32 (head, (uint32_t) (3 + key_length + q->value_length));
  head[4] = q->value != NULL ? 'p' : c->is_watcher ? 'w' : q->end != NULL ? 'r' : 'g';
  head[5] = (uint8_t) (key_length >> 8);
  head[6] = (uint8_t) key_length;
  append (c, head, sizeof head);
  append (c, q->key, key_length);
  if (q->value != NULL)
    append (c, q->value, q->value_length);
}

static size_t
take (struct connection *c, const uint8_t *at, size_t length)
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

const struct protocol framed = { greet, ask, take };
