// Pipelines of small steps, and the runs that were asked for: what is to happen once, each.
import { isApiError, kinds, type Pipeline, type Run, wellKnown } from '../../../apis/index.ts';
import { present } from '../../../base/index.ts';
import type { Chance } from '../../sim/chance.ts';
import { pause, Roaming, type Servers } from './roaming.ts';

const pollMs = 120;
const namespace = 'default';

/** A pipeline, and what was asked of it. */
export interface Asked {
  readonly name: string;
  readonly uid: string;
  /** The last generation of its spec that is to have a run, as all before it. */
  generation: number;
  /** Ids of requests for a run. */
  readonly requests: string[];
}

/** The pipelines; each run appends a line `RUN STEP ATTEMPT` to `lines` for each time that a step is executed. */
export class Work {
  readonly asked: Asked[] = [];
  readonly #roaming: Roaming;
  readonly #chance: Chance;
  readonly #lines: string;

  constructor(servers: Servers, chance: Chance, lines: string) {
    this.#roaming = new Roaming(servers, chance.fork());
    this.#chance = chance;
    this.#lines = lines;
  }

  /**
   * Makes pipeline `name` and asks for one run after another until `end`; resolves when the last of them has ended. Throws when
   * `deadline` comes before.
   */
  async run(name: string, end: AbortSignal, deadline: AbortSignal): Promise<void> {
    const made = await this.#make(name, deadline);
    const asked: Asked = { name, uid: present(made.metadata.uid, 'uid'), generation: 1, requests: [] };
    this.asked.push(asked);
    await this.#isOver(
      asked,
      `generation 1`,
      (run) => run.metadata.labels?.[wellKnown.requestLabel] === undefined,
      deadline,
    );
    while (!end.aborted) {
      if (this.#chance.happens(0.25)) await this.#change(asked, deadline);
      else await this.#request(asked, deadline);
    }
  }

  async #make(name: string, deadline: AbortSignal): Promise<Pipeline> {
    const pipeline = pipelineOf(name, this.#lines);
    return this.#roaming.insist(async (client) => {
      try {
        return await client.create(kinds.pipelines, pipeline);
      } catch (cause) {
        // An attempt whose answer never came.
        if (isApiError(cause, 'AlreadyExists')) return client.get(kinds.pipelines, { namespace, name });
        throw cause;
      }
    }, deadline);
  }

  async #request(asked: Asked, deadline: AbortSignal): Promise<void> {
    const id = `${asked.name}-${asked.requests.length + 1}`;
    const body = { metadata: { annotations: { [wellKnown.runRequestedAnnotation]: id } } };
    const ref = { namespace, name: asked.name };
    // Asked for twice it is still one request.
    await this.#roaming.insist((client) => client.patch(kinds.pipelines, ref, { type: 'merge', body }), deadline);
    asked.requests.push(id);
    await this.#until(asked, `request ${id}`, (status) => status.lastRequest === id, deadline);
    await this.#isOver(asked, id, (run) => run.metadata.labels?.[wellKnown.requestLabel] === id, deadline);
  }

  async #change(asked: Asked, deadline: AbortSignal): Promise<void> {
    const backoff = `${this.#chance.between(1, 200)}ms`;
    const body = { spec: { retry: { max: 1, backoff } } };
    const ref = { namespace, name: asked.name };
    const patched = await this.#roaming.insist(
      (client) => client.patch(kinds.pipelines, ref, { type: 'merge', body }),
      deadline,
    );
    const generation = present(patched.metadata.generation, 'generation');
    asked.generation = generation;
    await this.#until(asked, `generation ${generation}`, (status) => status.lastRunGeneration === generation, deadline);
    const isOf = (run: Run): boolean =>
      run.spec.pipeline.generation === generation && run.metadata.labels?.[wellKnown.requestLabel] === undefined;
    await this.#isOver(asked, `generation ${generation}`, isOf, deadline);
  }

  async #until(
    { name }: Asked,
    what: string,
    holds: (status: NonNullable<Pipeline['status']>) => boolean,
    deadline: AbortSignal,
  ): Promise<void> {
    let status: Pipeline['status'];
    while (!holds(status ?? {})) {
      if (deadline.aborted) throw new Error(`pipeline ${name} has no run for ${what}: ${JSON.stringify(status)}`);
      await pause(pollMs);
      ({ status } = await this.#roaming.insist((client) => client.get(kinds.pipelines, { namespace, name }), deadline));
    }
  }

  async #isOver({ name }: Asked, what: string, isIt: (run: Run) => boolean, deadline: AbortSignal): Promise<void> {
    const labelSelector = `${wellKnown.pipelineLabel}=${name}`;
    for (;;) {
      const { items } = await this.#roaming.insist(
        (client) => client.list(kinds.runs, { namespace, labelSelector }),
        deadline,
      );
      const run = items.find(isIt);
      if (run?.status?.completionTime !== undefined) return;
      if (deadline.aborted)
        throw new Error(`the run of ${name} for ${what} did not end: ${JSON.stringify(run?.status)}`);
      await pause(pollMs);
    }
  }
}

/** Four steps: two side by side, one after both, and one that fails at its first attempt. */
function pipelineOf(name: string, lines: string): Pipeline {
  const step = (stepName: string, then: string, after: readonly string[] = []) => ({
    name: stepName,
    use: 'exec' as const,
    with: {
      command: ['/bin/sh', '-c', `echo "$RUNINK_RUN $RUNINK_STEP $RUNINK_ATTEMPT" >> ${lines}; ${then}`],
    },
    ...(after.length === 0 ? {} : { after: [...after] }),
  });
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Pipeline',
    metadata: { namespace, name },
    spec: {
      steps: [
        step('left', 'exit 0'),
        step('right', 'sleep 0.3'),
        step('both', 'exit 0', ['left', 'right']),
        step('again', '[ "$RUNINK_ATTEMPT" -gt 1 ]', ['left']),
      ],
      retry: { max: 1, backoff: '1ms' },
    },
  };
}
