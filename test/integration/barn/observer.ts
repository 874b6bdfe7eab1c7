// What a group of real members is seen to do from outside: every wait is for a condition, with one generous deadline.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { MemberStatus } from '../../../barn/index.ts';
import { present } from '../../../base/index.ts';
import type { MemberGroup } from '../../support/barn-process/group.ts';

const deadlineMs = 60_000;
const lookMs = 50;
const answerMs = 2_000;

/** Looks at the members of one group. */
export class GroupObserver {
  readonly #group: MemberGroup;

  constructor(group: MemberGroup) {
    this.#group = group;
  }

  /** Asks until there is an answer that is not undefined; throws the last error at the deadline. */
  async until<T>(ask: () => Promise<T | undefined>): Promise<T> {
    const endMs = Date.now() + deadlineMs;
    for (;;) {
      let last: unknown;
      try {
        const answer = await ask();
        if (answer !== undefined || Date.now() > endMs) return present(answer, 'an answer in time');
        last = 'no answer';
      } catch (error) {
        last = error;
      }
      if (Date.now() > endMs) throw new Error('not in time', { cause: last });
      await pause(lookMs);
    }
  }

  /** What a member says of itself, or undefined when it does not run or hangs. */
  async status(name: string): Promise<MemberStatus | undefined> {
    const barn = await this.#group.connect(name).catch(() => undefined);
    if (barn === undefined) return undefined;
    const answer = await Promise.race([
      barn.status().catch(() => undefined),
      pause(answerMs, undefined, { ref: false }),
    ]);
    await barn.close();
    return answer;
  }

  /** The name of the member that the newest term's members take for their leader. */
  leader(): Promise<string> {
    return this.until(async () => {
      const all = (await this.#statuses()).flatMap((one) => (one === undefined ? [] : [one]));
      const newest = Math.max(...all.map(({ raft }) => raft?.term ?? 0));
      return all.find(({ raft, leader: name }) => raft?.term === newest && name !== '')?.leader;
    });
  }

  /** Resolves when some member has got past the newest revision of now by twenty. */
  async writesGoOn(): Promise<void> {
    const revisions = async (): Promise<number> =>
      Math.max(0, ...(await this.#statuses()).map((one) => one?.revision ?? 0));
    const from = await revisions();
    await this.until(async () => ((await revisions()) >= from + 20 ? true : undefined));
  }

  /** Resolves when all members have the same state at the same revision. */
  async allEqual(): Promise<void> {
    await this.until(async () => {
      const all = await this.#statuses();
      const states = new Set(all.map((one) => `${one?.revision}/${one?.hash}`));
      return states.size === 1 && !all.includes(undefined) ? true : undefined;
    });
  }

  /** Takes back all alarms that the leader knows of. */
  async disarm(): Promise<void> {
    const barn = await this.#group.connect(await this.leader());
    try {
      for (const alarm of (await barn.status()).alarms) await barn.disarm(alarm);
    } finally {
      await barn.close();
    }
  }

  /** Starts a member and expects that it ends at once, with `why` among what it said this time. */
  async refusesToStart(name: string, why: RegExp): Promise<void> {
    const log = join(this.#group.folder, `${name}.log`);
    const before = (await readFile(log, 'utf8')).length;
    const error: unknown = await this.#group.start(name).then(
      () => 'started',
      (cause: unknown) => cause,
    );
    expect(String(error)).to.contain('ended before it served');
    expect((await readFile(log, 'utf8')).slice(before)).to.match(why);
  }

  /** The last that each member said, for a test that failed. */
  async lastWords(): Promise<string> {
    const logs = this.#group.names.map((name) => readFile(join(this.#group.folder, `${name}.log`), 'utf8'));
    return (await Promise.all(logs)).map((text) => text.slice(-3_000)).join('\n');
  }

  #statuses(): Promise<readonly (MemberStatus | undefined)[]> {
    return Promise.all(this.#group.names.map((name) => this.status(name)));
  }
}
