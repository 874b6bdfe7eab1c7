import { ApiError } from '../../apis/index.ts';
import type { TunnelConnection } from './connection.ts';

/** Connections of agents by node; one each, the newest counts. Bounded by the server's connections. */
export class Tunnels {
  readonly #byNode = new Map<string, TunnelConnection>();

  add(node: string, connection: TunnelConnection): void {
    this.#byNode.get(node)?.close();
    this.#byNode.set(node, connection);
    connection.onClose(() => {
      if (this.#byNode.get(node) === connection) this.#byNode.delete(node);
    });
  }

  /** Errors: ServiceUnavailable when the node's agent is not connected. */
  of(node: string): TunnelConnection {
    const connection = this.#byNode.get(node);
    if (connection?.isOpen === true) return connection;
    throw new ApiError(
      'ServiceUnavailable',
      `node "${node}" is not connected: its agent has no stream to this server`,
      {
        retryAfterSeconds: 1,
      },
    );
  }

  /** Nodes that are connected. */
  nodes(): string[] {
    return [...this.#byNode.keys()];
  }

  close(): void {
    for (const connection of this.#byNode.values()) connection.close();
  }
}
