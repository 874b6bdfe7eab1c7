// What the server measures of its requests, under kube-apiserver's names where it measures the same. Labels come from
// small fixed sets: verbs, kinds of the table, codes.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CertificateState } from '../pki/renewals.ts';
import type { ResourceRequest } from './request-info.ts';

/** Counters and durations of requests, and the gauges, as Prometheus reads them. */
export interface ApiMetrics {
  /** Counts a request when it begins; call what it returns with the code of the answer. */
  begin(about: ResourceRequest | undefined, isDryRun?: boolean): (code: number) => void;
  /** The text of /metrics, and its media type. */
  text(): Promise<{ readonly type: string; readonly text: string }>;
}

/** What is read when the metrics are asked for, not counted. */
export interface Gauges {
  readonly watches: () => number;
  readonly tunnels: () => number;
  /** Undefined when the store does not say. */
  readonly revision: () => Promise<number | undefined>;
  readonly certificates: () => readonly CertificateState[];
}

/** What a request is about, as kube-apiserver labels it. */
const resourceLabels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const;
const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics of one server; `monotonicMs` is its clock. */
export function apiMetrics(monotonicMs: () => number, gauges: Gauges): ApiMetrics {
  const registry = new Registry();
  const registers = [registry];
  const total = new Counter({
    name: 'apiserver_request_total',
    help: 'Requests answered, by verb, resource and code.',
    labelNames: [...resourceLabels, 'component', 'dry_run', 'code'] as const,
    registers,
  });
  const seconds = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Time to the end of the answer; long-running requests are not in it.',
    labelNames: [...resourceLabels, 'component', 'dry_run'] as const,
    buckets: secondsBuckets,
    registers,
  });
  const inFlight = new Gauge({
    name: 'apiserver_current_inflight_requests',
    help: 'Requests being answered, but for long-running ones, by whether they change something.',
    labelNames: ['request_kind'] as const,
    registers,
  });
  const longRunning = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Watches, logs, progress streams and tunnels that are open, by what they are of.',
    labelNames: [...resourceLabels, 'component'] as const,
    registers,
  });
  const watchers = new Gauge({
    name: 'apiserver_registered_watchers',
    help: 'Watches that are open, by kind.',
    labelNames: ['group', 'version', 'kind'] as const,
    registers,
  });
  const gauge = (name: string, help: string, read: () => number | Promise<number | undefined>): void => {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        // A value that nobody knows now is told as such, not as the last one.
        this.set((await read()) ?? Number.NaN);
      },
    });
  };
  gauge('runink_apiserver_watches', 'Watches, logs and progress streams that are open.', gauges.watches);
  gauge('runink_apiserver_tunnels', 'Agents that are connected.', gauges.tunnels);
  gauge('runink_apiserver_revision', 'The revision of the store.', gauges.revision);
  certificateMetrics(registry, gauges.certificates);
  const answering = (about: ResourceRequest | undefined): (() => void) => {
    const kind = { request_kind: about === undefined || reads.has(about.verb) ? 'readOnly' : 'mutating' };
    inFlight.inc(kind);
    return () => inFlight.dec(kind);
  };
  const opened = (about: ResourceRequest | undefined, labels: ReturnType<typeof labelsOf>): (() => void) => {
    const { group = '', version = '', kind = '' } = about?.info ?? {};
    const isWatch = about?.verb === 'watch';
    longRunning.inc(labels);
    if (isWatch) watchers.inc({ group, version, kind });
    return () => {
      longRunning.dec(labels);
      if (isWatch) watchers.dec({ group, version, kind });
    };
  };
  return {
    begin(about, isDryRun = false) {
      const labels = labelsOf(about);
      const asked = { ...labels, dry_run: isDryRun ? 'All' : '' };
      const startedMs = monotonicMs();
      const end = isLong(about) ? opened(about, labels) : answering(about);
      return (code) => {
        end();
        total.inc({ ...asked, code: String(code) });
        if (!isLong(about)) seconds.observe(asked, (monotonicMs() - startedMs) / 1000);
      };
    },
    text: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}

function certificateMetrics(registry: Registry, read: Gauges['certificates']): void {
  const registers = [registry];
  new Gauge({
    name: 'runink_apiserver_certificate_expiration_timestamp_seconds',
    help: 'When the certificate in use ends, in seconds since 1970; 0 when it cannot be used.',
    labelNames: ['certificate'] as const,
    registers,
    collect() {
      for (const { name, endsMs } of read()) this.set({ certificate: name }, endsMs / 1000);
    },
  });
  new Counter({
    name: 'runink_apiserver_certificate_reloads_total',
    help: 'Changed files of certificates that were taken, or refused and the ones before kept.',
    labelNames: ['certificate', 'result'] as const,
    registers,
    collect() {
      this.reset();
      for (const { name, taken, refused } of read()) {
        this.inc({ certificate: name, result: 'success' }, taken);
        this.inc({ certificate: name, result: 'failure' }, refused);
      }
    },
  });
}

function labelsOf(about: ResourceRequest | undefined) {
  return {
    verb: about?.verb.toUpperCase() ?? 'GET',
    group: about?.info.group ?? '',
    version: about?.info.version ?? '',
    resource: about?.info.plural ?? '',
    subresource: about?.subresource ?? '',
    scope: scopeOf(about),
    component: 'apiserver',
  };
}

function scopeOf(about: ResourceRequest | undefined): string {
  if (about === undefined) return '';
  if (about.name !== undefined) return 'resource';
  return about.namespace === undefined ? 'cluster' : 'namespace';
}

function isLong(about: ResourceRequest | undefined): boolean {
  return about?.verb === 'watch' || about?.subresource === 'log' || about?.subresource === 'progress';
}
