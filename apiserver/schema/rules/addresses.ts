// IP addresses, networks and URLs in rules.
import type { Environment } from '@marcbachmann/cel-js';
import { formatCheck } from '../custom/formats.ts';
import { RuleError } from './rule-error.ts';

type Adder = (signature: string, handler: (...args: never[]) => unknown) => void;

/** An address as rules see it: its bits as one number. */
class Address {
  readonly bits: bigint;
  readonly family: 4 | 6;
  constructor(bits: bigint, family: 4 | 6) {
    this.bits = bits;
    this.family = family;
  }
}

/** A network as rules see it. */
class Network {
  readonly address: Address;
  readonly length: number;
  constructor(address: Address, length: number) {
    this.address = address;
    this.length = length;
  }
}

/** A URL as rules see it. */
class Url {
  readonly url: URL;
  readonly isPath: boolean;
  constructor(url: URL, isPath: boolean) {
    this.url = url;
    this.isPath = isPath;
  }
}

class AddressNamespace {}

/** Adds what Kubernetes' rules know of addresses. */
export function registerAddresses(environment: Environment, add: Adder): void {
  environment.registerType('net.IP', Address);
  environment.registerType('net.CIDR', Network);
  environment.registerType('URL', Url);
  environment.registerType('AddressNamespace', AddressNamespace);
  environment.registerConstant('ip', 'AddressNamespace', new AddressNamespace());
  environment.registerOperator('net.IP == net.IP', isSameAddress);
  environment.registerOperator(
    'net.CIDR == net.CIDR',
    (a: Network, b: Network) => a.length === b.length && isSameAddress(a.address, b.address),
  );
  registerIps(add);
  registerNetworks(add);
  registerUrls(add);
}

function registerIps(add: Adder): void {
  add('isIP(string): bool', (text: string) => addressOf(text) !== undefined);
  add('ip(string): net.IP', (text: string) => neededAddress(text));
  add('AddressNamespace.isCanonical(string): bool', (_: unknown, text: string) => {
    return shownAddress(neededAddress(text)) === text;
  });
  add('string(net.IP): string', shownAddress);
  add('net.IP.family(): int', ({ family }: Address) => BigInt(family));
  add('net.IP.isUnspecified(): bool', ({ bits }: Address) => bits === 0n);
  add('net.IP.isLoopback(): bool', isLoopback);
  add('net.IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast);
  add('net.IP.isLinkLocalUnicast(): bool', isLinkLocalUnicast);
  add('net.IP.isGlobalUnicast(): bool', (address: Address) => {
    const isMulticast = address.family === 4 ? address.bits >> 28n === 14n : address.bits >> 120n === 255n;
    const isBroadcast = address.family === 4 && address.bits === 2n ** 32n - 1n;
    return address.bits !== 0n && !isBroadcast && !isMulticast && !isLoopback(address) && !isLinkLocalUnicast(address);
  });
}

function registerNetworks(add: Adder): void {
  add('isCIDR(string): bool', (text: string) => networkOf(text) !== undefined);
  add('cidr(string): net.CIDR', (text: string) => neededNetwork(text));
  add('string(net.CIDR): string', ({ address, length }: Network) => `${shownAddress(address)}/${length}`);
  add('net.CIDR.ip(): net.IP', ({ address }: Network) => address);
  add('net.CIDR.prefixLength(): int', ({ length }: Network) => BigInt(length));
  add('net.CIDR.masked(): net.CIDR', ({ address, length }: Network) => {
    return new Network(new Address(prefixOf(address, length), address.family), length);
  });
  add('net.CIDR.containsIP(net.IP): bool', (network: Network, address: Address) => contains(network, address));
  add('net.CIDR.containsIP(string): bool', (network: Network, text: string) => contains(network, neededAddress(text)));
  add('net.CIDR.containsCIDR(net.CIDR): bool', containsNetwork);
  add('net.CIDR.containsCIDR(string): bool', (network: Network, text: string) =>
    containsNetwork(network, neededNetwork(text)),
  );
}

function registerUrls(add: Adder): void {
  add('isURL(string): bool', (text: string) => urlOf(text) !== undefined);
  add('url(string): URL', (text: string) => {
    const url = urlOf(text);
    if (url === undefined) throw new RuleError(`URL parse error during conversion from string: ${text.slice(0, 200)}`);
    return url;
  });
  add('URL.getScheme(): string', (one: Url) => (one.isPath ? '' : one.url.protocol.replace(/:$/, '')));
  add('URL.getHost(): string', (one: Url) => (one.isPath ? '' : one.url.host));
  add('URL.getHostname(): string', (one: Url) => (one.isPath ? '' : one.url.hostname.replace(/^\[(.*)\]$/, '$1')));
  add('URL.getPort(): string', (one: Url) => (one.isPath ? '' : one.url.port));
  add('URL.getEscapedPath(): string', (one: Url) => one.url.pathname);
  add('URL.getQuery(): map<string, list<string>>', (one: Url) => {
    const query = new Map<string, string[]>();
    for (const key of one.url.searchParams.keys()) query.set(key, one.url.searchParams.getAll(key));
    return query;
  });
}

function addressOf(text: string): Address | undefined {
  if (formatCheck('ipv4')?.(text) === true) {
    const parts = text.split('.');
    if (parts.some((part) => part.length > 1 && part.startsWith('0'))) return undefined;
    return new Address(
      parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n),
      4,
    );
  }
  // An address of the old kind within one of the new is none here.
  if (formatCheck('ipv6')?.(text) !== true || text.includes('.')) return undefined;
  const [left = '', right] = text.split('::');
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const tail = right === undefined ? [] : groups(right);
  const head = groups(left);
  const middle = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  const bits = [...head, ...middle, ...tail].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return bits >> 32n === 0xffffn ? undefined : new Address(bits, 6);
}

function networkOf(text: string): Network | undefined {
  if (formatCheck('cidr')?.(text) !== true) return undefined;
  const [front = '', length = ''] = text.split('/');
  const address = addressOf(front);
  return address === undefined ? undefined : new Network(address, Number(length));
}

function neededAddress(text: string): Address {
  const address = addressOf(text);
  if (address === undefined) throw new RuleError(`IP Address ${JSON.stringify(text.slice(0, 100))} parse error`);
  return address;
}

function neededNetwork(text: string): Network {
  const network = networkOf(text);
  if (network === undefined) throw new RuleError(`network address parse error: ${JSON.stringify(text.slice(0, 100))}`);
  return network;
}

function isSameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.bits === b.bits;
}

function isLoopback({ bits, family }: Address): boolean {
  return family === 4 ? bits >> 24n === 127n : bits === 1n;
}

function isLinkLocalMulticast({ bits, family }: Address): boolean {
  return family === 4 ? bits >> 8n === 0xe00000n : bits >> 112n === 0xff02n;
}

function isLinkLocalUnicast({ bits, family }: Address): boolean {
  return family === 4 ? bits >> 16n === 0xa9fen : bits >> 118n === 0x3fan;
}

function prefixOf({ bits, family }: Address, length: number): bigint {
  const rest = BigInt((family === 4 ? 32 : 128) - length);
  return (bits >> rest) << rest;
}

function contains(network: Network, address: Address): boolean {
  return (
    network.address.family === address.family &&
    prefixOf(address, network.length) === prefixOf(network.address, network.length)
  );
}

function containsNetwork(outer: Network, inner: Network): boolean {
  return inner.length >= outer.length && contains(outer, inner.address);
}

// Of zeros in a row the longest run is left out, the first of several (RFC 5952).
function shownAddress({ bits, family }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

function urlOf(text: string): Url | undefined {
  if (formatCheck('uri')?.(text) !== true) return undefined;
  try {
    return text.startsWith('/') ? new Url(new URL(text, 'x://x'), true) : new Url(new URL(text), false);
  } catch {
    return undefined;
  }
}
