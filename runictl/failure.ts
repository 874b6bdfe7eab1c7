// How verbs fail: a CommandError ends runictl with 1, a UsageError with 2. Words are kubectl's where it has some.
import { type ApiError, isApiError } from '../apis/index.ts';
import { escapeControls } from './print/escape.ts';

/** Something that was asked for could not be done; the message says what, which object, and what to do next. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, options?: { readonly exitCode?: number; readonly cause?: unknown }) {
    super(message, options);
    this.exitCode = options?.exitCode ?? 1;
  }
}

/** The command line itself is wrong. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super(message, { exitCode: 2 });
  }
}

/** The line or lines on stderr for an error, without the final newline. */
export function errorText(error: unknown): string {
  if (isApiError(error)) return escapeControls(apiErrorText(error));
  if (error instanceof CommandError) return escapeControls(`error: ${error.message}`);
  return escapeControls(`error: ${error instanceof Error ? error.message : String(error)}`);
}

/** An error's own words, without the prefix. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function apiErrorText(error: ApiError): string {
  if (error.reason === 'Invalid') return invalidText(error);
  if (error.reason === 'Unauthorized')
    return 'error: You must be logged in to the server (Unauthorized). Is the kubeconfig that of this cluster?';
  return `Error from server (${error.reason}): ${error.message}`;
}

function invalidText(error: ApiError): string {
  const { kind, name, causes } = error.details ?? {};
  if (kind === undefined || causes === undefined || causes.length === 0)
    return `The request is invalid: ${error.message}`;
  const subject = `The ${kind} "${name ?? ''}" is invalid`;
  const lines = causes.map((cause) => (cause.field === '' ? cause.message : `${cause.field}: ${cause.message}`));
  return lines.length === 1
    ? `${subject}: ${lines.join('')}`
    : [`${subject}:`, ...lines.map((line) => `* ${line}`)].join('\n');
}
