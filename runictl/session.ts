import { join } from 'node:path';
import type { Api } from './api.ts';
import type { GlobalFlags } from './connect.ts';
import type { Terminal } from './terminal.ts';

/** What a verb gets. */
export interface Session {
  readonly terminal: Terminal;
  readonly flags: GlobalFlags;
  /** Where the built programs are: the folder that holds bin and libexec. */
  readonly distDir: string;
  /** Connects on first use. Errors: CommandError without a usable kubeconfig. */
  connect(): Promise<Api>;
  /** As `connect`, with one address alone: what is asked of it is answered by that server or not at all. */
  connectTo(url: string): Promise<Api>;
}

/** The SDK that step modules import as 'runink', one file beside the programs. */
export function sdkFile(session: Pick<Session, 'distDir'>): string {
  return join(session.distDir, 'libexec', 'runink-sdk.mjs');
}
