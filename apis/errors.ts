// Errors as Kubernetes' API speaks them: metav1.Status
// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).

/**
 * An answer with this header (its value says why) comes from a server that did nothing and can do nothing now: another one may
 * be asked instead, writes too.
 */
export const notDoneHereHeader = 'runink-not-done-here';

/** Reasons of metav1.StatusReason that we use, with their HTTP status. */
export const statusCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  Conflict: 409,
  AlreadyExists: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  /** For what Kubernetes answers 500 to and gives no reason; the Status then has none. */
  Unknown: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  InsufficientStorage: 507,
} as const;

/** What went wrong, as Kubernetes names it; each stands for one HTTP status. */
export type StatusReason = keyof typeof statusCodes;

/** One field that is wrong. */
export interface StatusCause {
  /** metav1.CauseType, e.g. FieldValueInvalid, FieldValueRequired, FieldValueNotSupported, FieldValueDuplicate, FieldValueForbidden. */
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** What a failure is about, and each field that is wrong. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** metav1.Status of a failure. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: {
    /** Of an expired list: goes on with it, no longer at one version. */
    readonly continue?: string;
  };
  readonly status: 'Failure' | 'Success';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** A refusal by the API. Branch on `reason`, never on the message. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails | undefined;
  readonly #continueToken: string | undefined;

  constructor(
    reason: StatusReason,
    message: string,
    details?: StatusDetails,
    options?: { readonly cause?: unknown; readonly continueToken?: string },
  ) {
    super(message, options);
    this.reason = reason;
    this.code = statusCodes[reason];
    this.details = details;
    this.#continueToken = options?.continueToken;
  }

  /** The body that carries it over HTTP. */
  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.#continueToken === undefined ? {} : { continue: this.#continueToken },
      status: 'Failure',
      message: this.message,
      ...(this.reason === 'Unknown' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** Whether `error` is a refusal for one of `reasons`. */
export function isApiError(error: unknown, ...reasons: readonly StatusReason[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason));
}

/** `pipelines.runink.io "x" not found`. */
export function notFound(resource: { readonly group: string; readonly plural: string }, name: string): ApiError {
  const full = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  return new ApiError('NotFound', `${full} "${name}" not found`, {
    name,
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
  });
}
