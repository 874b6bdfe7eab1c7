import type { MemberId } from '../raft/protocol.ts';
import { ByteReader, malformed } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** The versions of the protocol between members that this one speaks. */
export const protocolVersions = { oldest: 1, newest: 1 };

/** What a connection is for. */
export type Purpose = 'messages' | 'snapshot' | 'question';

/** Who dials whom, and what for. A version that does not know all of it still reads the versions. */
export interface Hello {
  readonly oldestVersion: number;
  readonly newestVersion: number;
  readonly clusterId: number;
  /** 0 for one that has no id yet; it may only ask. */
  readonly from: MemberId;
  /** 0 for whoever answers; only to ask. */
  readonly to: MemberId;
  readonly purpose: Purpose;
  /** The dialler's name, which its certificate bears, and where it is found: for a member that does not know it yet. */
  readonly name: string;
  readonly url: string;
}

/** A hello, a welcome and a refusal fit into this. */
export const greetingBytesMax = 4_096;
const refusalCharactersMax = 500;
const purposes: readonly Purpose[] = ['messages', 'snapshot', 'question'];

/** The body of a hello. */
export function writeHello(writer: ByteWriter, hello: Hello): void {
  writer.number(hello.oldestVersion);
  writer.number(hello.newestVersion);
  writer.number(hello.clusterId);
  writer.number(hello.from);
  writer.number(hello.to);
  writer.byte(purposes.indexOf(hello.purpose));
  writer.text(hello.name);
  writer.text(hello.url);
}

/** The hello of a body, or the versions alone where none is known here. Errors: Malformed. */
export function readHello(body: Uint8Array): Hello | Pick<Hello, 'oldestVersion' | 'newestVersion'> {
  const reader = new ByteReader(body);
  const versions = { oldestVersion: reader.number(), newestVersion: reader.number() };
  if (commonVersion(versions) === undefined) return versions;
  const purpose = (): Purpose => {
    const number = reader.byte();
    const known = purposes[number];
    if (known === undefined) throw malformed(`is a hello of purpose ${number}`);
    return known;
  };
  return {
    ...versions,
    clusterId: reader.number(),
    from: reader.number(),
    to: reader.number(),
    purpose: purpose(),
    name: reader.text(),
    url: reader.text(),
  };
}

/** The newest version that both speak, or undefined. */
export function commonVersion(theirs: Pick<Hello, 'oldestVersion' | 'newestVersion'>): number | undefined {
  const version = Math.min(theirs.newestVersion, protocolVersions.newest);
  return version < theirs.oldestVersion || version < protocolVersions.oldest ? undefined : version;
}

/** The body of a refusal, cut to what a greeting may hold. */
export function writeRefusal(writer: ByteWriter, why: string): void {
  writer.text(why.slice(0, refusalCharactersMax));
}

/** Why the peer refused, made safe for a log. Errors: Malformed. */
export function readRefusal(body: Uint8Array): string {
  const text = new ByteReader(body).text();
  return text.slice(0, refusalCharactersMax).replace(/[^ -~]/g, '?');
}
