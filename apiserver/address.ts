import { isIP } from 'node:net';

/** The host of an URL as sockets and certificates take it: an IPv6 address without its brackets. */
export function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

/** Where clients find what listens at a host and port. */
export function urlAt(host: string, port: number): string {
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Whether who listens there listens at every address, so that it is none to be found at. */
export function isAnyHost(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
