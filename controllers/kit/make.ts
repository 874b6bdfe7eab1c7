import { type ApiObject, isApiError, type Kind } from '../../apis/index.ts';
import type { Client } from '../../client/index.ts';
import type { EventRecorder } from './recorder.ts';

/** What makes objects, and whom it is told. */
export interface MakeDeps {
  readonly client: Client;
  readonly recorder: Pick<EventRecorder, 'warn'>;
}

/**
 * Makes an object for its owner; one that is there already is as good. False when the herd is being deleted, and with it the
 * owner. What the API refuses for good reasons (a quota) is told on the owner, and thrown to be tried again.
 */
export async function makeFor<T extends ApiObject>(
  { client, recorder }: MakeDeps,
  owner: ApiObject,
  kind: Kind<T>,
  object: T,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.create(kind, object, { signal });
    return true;
  } catch (cause) {
    if (isApiError(cause, 'AlreadyExists')) return true;
    if (isHerdGoing(cause)) return false;
    if (isApiError(cause, 'Forbidden', 'Invalid'))
      recorder.warn(owner, 'FailedCreate', `Error creating: ${cause.message}`);
    throw cause;
  }
}

/** Whether something was refused because its herd is being deleted. */
export function isHerdGoing(cause: unknown): boolean {
  return (
    isApiError(cause, 'Forbidden') &&
    cause.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true
  );
}
