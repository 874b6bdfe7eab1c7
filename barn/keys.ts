/** A key of 32 bytes by the name under which it was used. The name stands in the open beside what was sealed. */
export interface StoreKey {
  /** 1 to 64 printable ASCII characters; it names these 32 bytes for ever. */
  readonly id: string;
  readonly key: Uint8Array;
}

/**
 * Who keeps the keys that encrypt a member's files. A key must stay known until nothing on disk is sealed with it: rotation
 * is a new `current` while the old one can still be asked for by its name.
 */
export interface KeyRing {
  /** For what is written from now on. */
  current(): StoreKey;
  /** For what was written before, or undefined when it is not known (any more). */
  byId(id: string): StoreKey | undefined;
  /**
   * Also read what was written before there were keys: for the way from an open store to an encrypted one, to be taken back
   * once everything was written anew. Absent: bytes that are not encrypted are refused, since whoever can write to the disk
   * could otherwise put open bytes in the place of sealed ones.
   */
  readonly readsPlain?: boolean;
}
