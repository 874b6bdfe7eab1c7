// Clients that write and read a few secrets, each request at a server at random, and keep what they saw.
import { isApiError, kinds, type Secret } from '../../../apis/index.ts';
import type { HttpClient } from '../../../client/index.ts';
import type { Chance } from '../../sim/chance.ts';
import type { Change, Observation } from './observations.ts';
import { isTrouble, pause, Roaming, type Servers } from './roaming.ts';

const names = 12;
const pageSize = 3;
const thinkMs = 25;
const watchMs = 1_500;
/** Legs of one watch, each at another server. */
const watchLegs = 3;

/** What the clients share: what they saw, and the newest version that any of them was told of. */
export class Sightings {
  readonly observations: Observation[] = [];
  readonly violations: string[] = [];
  #newest = 0;
  /** Versions that were deleted: the answer to a delete names none of its own. */
  readonly #deleted = new Map<number, number>();

  get newest(): number {
    return this.#newest;
  }

  /** How many deletions were told of. */
  get deletions(): number {
    return this.#deleted.size;
  }

  told(version: number): void {
    this.#newest = Math.max(this.#newest, version);
  }

  deleted(version: number): void {
    this.#deleted.set(version, this.#deleted.size + 1);
  }

  /** Whether `version` was deleted among the first `deletions`. */
  wasDeleted(version: number, deletions: number): boolean {
    return (this.#deleted.get(version) ?? deletions + 1) <= deletions;
  }
}

/** One client. */
export class RegisterClient {
  readonly #roaming: Roaming;
  readonly #chance: Chance;
  readonly #sightings: Sightings;
  readonly #namespace: string;
  /** Its watch is not waited for by what it does meanwhile. */
  #watching: Promise<void> = Promise.resolve();
  #isWatching = false;

  constructor(servers: Servers, chance: Chance, sightings: Sightings, namespace: string) {
    this.#roaming = new Roaming(servers, chance.fork());
    this.#chance = chance;
    this.#sightings = sightings;
    this.#namespace = namespace;
  }

  /** Writes and reads until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#try(() => this.#step(signal));
      await pause(this.#chance.between(1, 2 * thinkMs));
    }
    await this.#watching;
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      // Others write the same names: a version that was overtaken, a name that came or went are no wonder.
      if (isTrouble(cause) || isApiError(cause, 'Conflict', 'AlreadyExists', 'NotFound')) return;
      this.#sightings.violations.push(
        `a client failed: ${cause instanceof Error ? (cause.stack ?? '') : String(cause)}`,
      );
    }
  }

  #step(signal: AbortSignal): Promise<void> {
    const name = `register-${this.#chance.between(1, names)}`;
    switch (this.#chance.between(0, 9)) {
      case 0:
        return this.#create(name);
      case 1:
      case 2:
        return this.#change(name);
      case 3:
        return this.#delete(name);
      case 4:
      case 5:
        return this.#get(name).then(() => undefined);
      case 6:
        return this.#list();
      case 7:
        return this.#page();
      case 8:
        return this.#listAnyhow();
      default:
        if (!this.#isWatching) {
          this.#isWatching = true;
          this.#watching = this.#try(() => this.#watch(signal)).finally(() => (this.#isWatching = false));
        }
        return Promise.resolve();
    }
  }

  async #create(name: string): Promise<void> {
    this.#wrote(await this.#roaming.any().create(kinds.secrets, this.#secret(name)));
    await this.#look(name);
  }

  async #change(name: string): Promise<void> {
    const there = await this.#get(name);
    if (there === undefined) return this.#create(name);
    const data = { value: Buffer.from(String(this.#chance.next())).toString('base64') };
    this.#wrote(await this.#roaming.any().update(kinds.secrets, { ...there, data }));
    await this.#look(name);
  }

  async #delete(name: string): Promise<void> {
    const there = await this.#get(name);
    if (there === undefined) return;
    const { uid = '', resourceVersion = '' } = there.metadata;
    const preconditions = { uid, resourceVersion };
    await this.#roaming.any().delete(kinds.secrets, { namespace: this.#namespace, name }, { preconditions });
    this.#sightings.deleted(Number(resourceVersion));
    await this.#look(name);
  }

  /** Right after a write, when a server may not have heard of it yet. */
  async #look(name: string): Promise<void> {
    await (this.#chance.happens(0.5) ? this.#get(name) : this.#list());
  }

  async #get(name: string): Promise<Secret | undefined> {
    const since = this.#sightings.newest;
    const { deletions } = this.#sightings;
    const found = await this.#roaming
      .any()
      .get(kinds.secrets, { namespace: this.#namespace, name })
      .catch((cause: unknown) => {
        if (isApiError(cause, 'NotFound')) return undefined;
        throw cause;
      });
    const version = found === undefined ? undefined : Number(found.metadata.resourceVersion);
    this.#sightings.observations.push({ saw: 'object', name, version, since });
    if (version === undefined) return undefined;
    this.#sightings.told(version);
    if (this.#sightings.wasDeleted(version, deletions))
      this.#sightings.violations.push(
        `a get of ${name} found version ${version}, which had been deleted before it began`,
      );
    return found;
  }

  async #list(): Promise<void> {
    const since = this.#sightings.newest;
    const { deletions } = this.#sightings;
    const { items, metadata } = await this.#roaming.any().list(kinds.secrets, { namespace: this.#namespace });
    this.#listed(Number(metadata.resourceVersion), items, since, deletions);
  }

  /** Each page at another server: all are of the version of the first. */
  async #page(): Promise<void> {
    const since = this.#sightings.newest;
    const all: Secret[] = [];
    const options = { namespace: this.#namespace, limit: pageSize };
    let page = await this.#roaming.any().list(kinds.secrets, options);
    const { resourceVersion } = page.metadata;
    all.push(...page.items);
    while (page.metadata.continue !== undefined && page.metadata.continue !== '') {
      page = await this.#roaming.any().list(kinds.secrets, { ...options, continue: page.metadata.continue });
      if (page.metadata.resourceVersion !== resourceVersion)
        this.#sightings.violations.push(
          `a page at ${page.metadata.resourceVersion} followed one at ${resourceVersion}`,
        );
      all.push(...page.items);
    }
    this.#listed(Number(resourceVersion), all, since);
  }

  /** Version 0 may be as old as it likes, but it is whole; a version that was told must be there. */
  async #listAnyhow(): Promise<void> {
    const known = this.#sightings.newest;
    const least = this.#chance.happens(0.5) ? 0 : known;
    const options = { namespace: this.#namespace, resourceVersion: String(least) };
    const { items, metadata } = await this.#roaming.any().list(kinds.secrets, options);
    this.#listed(Number(metadata.resourceVersion), items, least);
  }

  #listed(at: number, items: readonly Secret[], since: number, deletions = 0): void {
    const versions = new Map(
      items.map(({ metadata }) => [metadata.name ?? '', Number(metadata.resourceVersion)] as const),
    );
    this.#sightings.observations.push({ saw: 'list', at, since, items: versions });
    for (const [name, version] of versions)
      if (this.#sightings.wasDeleted(version, deletions))
        this.#sightings.violations.push(`a list at ${at} had ${name}@${version}, deleted before it began`);
    this.#sightings.told(at);
  }

  /** From a list of one server on, at another, and again at others from where the one before it ended. */
  async #watch(signal: AbortSignal): Promise<void> {
    const listed = await this.#roaming.any().list(kinds.secrets, { namespace: this.#namespace, limit: 1 });
    const after = Number(listed.metadata.resourceVersion);
    const changes: Change[] = [];
    let upTo = after;
    try {
      for (let leg = 0; leg < watchLegs && !signal.aborted; leg++)
        upTo = await this.#follow(this.#roaming.any(), upTo, changes);
    } finally {
      this.#sightings.observations.push({ saw: 'changes', after, upTo, changes });
    }
  }

  async #follow(client: HttpClient, from: number, changes: Change[]): Promise<number> {
    let upTo = from;
    const signal = AbortSignal.timeout(this.#chance.between(1, watchMs));
    const options = { namespace: this.#namespace, resourceVersion: String(from), signal };
    try {
      for await (const event of client.watch(kinds.secrets, options)) {
        const version =
          event.type === 'BOOKMARK' ? Number(event.resourceVersion) : Number(event.object.metadata.resourceVersion);
        if (event.type !== 'BOOKMARK')
          changes.push({ type: event.type, version, name: event.object.metadata.name ?? '' });
        upTo = Math.max(upTo, version);
        this.#sightings.told(version);
      }
    } catch (cause) {
      if (!isTrouble(cause)) throw cause;
    }
    return upTo;
  }

  #wrote({ metadata }: Secret): void {
    const version = Number(metadata.resourceVersion);
    this.#sightings.observations.push({ saw: 'write', name: metadata.name ?? '', version });
    this.#sightings.told(version);
  }

  #secret(name: string): Secret {
    const data = { value: Buffer.from(String(this.#chance.next())).toString('base64') };
    return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: this.#namespace, name }, data };
  }
}
