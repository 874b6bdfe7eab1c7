/** A key of 32 bytes by the name under which it was used. */
export interface StoreKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/** Who keeps the keys that encrypt a member's files. A key must stay known until nothing on disk is sealed with it. */
export interface KeyRing {
  /** For what is written from now on. */
  current(): StoreKey;
  /** For what was written before, or undefined when it is not known (any more). */
  byId(id: string): StoreKey | undefined;
}
