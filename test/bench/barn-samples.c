/* What the load measured: how long each answer took, or each write until its last watcher saw it. */
#include "barn-load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { samples_max = 4 * 1000 * 1000, writes_max = 4096 };

static float *samples; /* microseconds */
static size_t sample_count;
static double first_at, last_at, gap_max;
static double write_at[writes_max];
static unsigned write_seen[writes_max];
static unsigned write_count;

void
open_samples (void)
{
  samples = calloc (samples_max, sizeof *samples);
  if (samples == NULL)
    die ("memory");
}

void
begin_samples (double at)
{
  first_at = last_at = at;
}

static void
add (double took)
{
  samples[sample_count++] = (float) (took * 1e6);
}

void
sample_answer (double sent_at)
{
  double at = now ();

  if (sample_count == samples_max)
    return;
  if (at - last_at > gap_max)
    gap_max = at - last_at;
  last_at = at;
  add (at - sent_at);
}

bool
sample_write (double at)
{
  if (write_count == writes_max)
    return false;
  write_at[write_count++] = at;
  return true;
}

void
sample_event (unsigned write, unsigned watchers)
{
  if (write < writes_max && ++write_seen[write] == watchers && write < write_count && sample_count < samples_max)
    add (now () - write_at[write]);
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

void
print_samples (unsigned long answers, unsigned long failed, unsigned long reconnects)
{
  struct rusage usage;
  double took = now () - first_at;

  if (getrusage (RUSAGE_SELF, &usage) < 0)
    die ("getrusage");
  qsort (samples, sample_count, sizeof *samples, by_size);
  printf ("{\"done\":%zu,\"answers\":%lu,\"perSecond\":%.1f,\"p50Us\":%.0f,\"p99Us\":%.0f,\"maxUs\":%.0f,\"gapMs\":%.1f,\"failed\":%lu,"
          "\"reconnects\":%lu,\"writes\":%u,\"cpuSeconds\":%.3f}\n",
          sample_count, answers, (double) sample_count / took, quantile (0.5), quantile (0.99), quantile (1), gap_max * 1e3,
          failed, reconnects, write_count,
          (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}
