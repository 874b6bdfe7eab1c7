// The real client library, at one server after another at random.
import { CustomObjectsApi, KubeConfig, KubernetesObjectApi, setHeaderOptions, Watch } from '@kubernetes/client-node';
import { type Connection, urlsOf } from '../../../client/index.ts';
import type { Chance } from '../../sim/chance.ts';

/** A server that is stopped answers nothing; who waits longer than this asks another one. */
const answerMsMax = 4_000;

/** The library's clients of one server. */
interface Place {
  readonly objects: KubernetesObjectApi;
  readonly custom: CustomObjectsApi;
  readonly watch: Watch;
}

/** Picks a server for each request. */
export class RoamingApi {
  readonly #places: readonly Place[];
  readonly #chance: Chance;

  /** The user of `kubeconfig` at each server of `connection`. */
  constructor(kubeconfig: string, connection: Connection, chance: Chance) {
    this.#chance = chance;
    this.#places = urlsOf(connection).map((server) => {
      const config = new KubeConfig();
      config.loadFromFile(kubeconfig);
      config.clusters = config.clusters.map((cluster) => ({ ...cluster, server }));
      return {
        objects: KubernetesObjectApi.makeApiClient(config),
        custom: config.makeApiClient(CustomObjectsApi),
        watch: new Watch(config),
      };
    });
  }

  /** One request; throws when no answer comes in time, and then nobody knows whether it is done. */
  async ask<T>(request: (place: Pick<Place, 'objects' | 'custom'>) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${answerMsMax} ms`)), answerMsMax);
    });
    try {
      return await Promise.race([request(this.#chance.pick(this.#places)), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A watch for informers; each time that one begins it is at a server at random. */
  watch(): Watch {
    const watch = new Watch(new KubeConfig());
    watch.watch = (...args) => this.#chance.pick(this.#places).watch.watch(...args);
    return watch;
  }
}

/** What a merge patch says beside its body. */
export const mergePatch = setHeaderOptions('Content-Type', 'application/merge-patch+json');

/** The status that an API answered a failed request with, or undefined when none came. */
export function codeOf(cause: unknown): number | undefined {
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'number'
    ? cause.code
    : undefined;
}
