// Leaders moved and history forgotten, at the word of an operator.

import { text } from 'node:stream/consumers';
import type { HttpClient } from '../../../client/index.ts';
import type { Chance } from '../../sim/chance.ts';
import { isTrouble, pause, Roaming, type Servers } from './roaming.ts';

const restMs = 1_200;

/** Moves and forgets by its chance until told to stop. */
export class Upheaval {
  /** What was done, how often. */
  readonly deeds = new Map<string, number>();
  readonly #roaming: Roaming;
  readonly #chance: Chance;
  readonly #forgets: boolean;

  /** Who follows everything that happens can bear no forgetting. */
  constructor(servers: Servers, chance: Chance, { forgets }: { readonly forgets: boolean }) {
    this.#forgets = forgets;
    this.#roaming = new Roaming(servers, chance.fork());
    this.#chance = chance;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.#chance.around(restMs));
      if (signal.aborted) return;
      try {
        await (this.#forgets && this.#chance.happens(0.5) ? this.#forget() : this.#moveLeader());
      } catch (cause) {
        // A server may be away, or no leader there.
        if (!isTrouble(cause)) throw cause;
      }
    }
  }

  async #moveLeader(): Promise<void> {
    const { members = [] } = await told(this.#roaming.any(), '/barn/v1/members');
    if (members.length === 0) return;
    const { id } = this.#chance.pick(members);
    if (await isDone(this.#roaming.any(), '/barn/v1/transfer-leader', { to: id })) this.#did('leader moved');
  }

  async #forget(): Promise<void> {
    const { revision } = await told(this.#roaming.any(), '/barn/v1/status');
    if (await isDone(this.#roaming.any(), '/barn/v1/compact', { revision })) this.#did('history forgotten');
  }

  #did(deed: string): void {
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
  }
}

interface Told {
  readonly members?: readonly { readonly id: string }[];
  readonly revision?: number;
}

/** The answer to a question, empty when there is none now. */
async function told(client: HttpClient, path: string): Promise<Told> {
  const { status, body } = await client.raw.request({ method: 'GET', path });
  const said = await text(body);
  return status === 200 ? JSON.parse(said) : {};
}

async function isDone(client: HttpClient, path: string, body: unknown): Promise<boolean> {
  const headers = { 'content-type': 'application/json' };
  const answered = await client.raw.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
  answered.body.resume();
  return answered.status === 200;
}
