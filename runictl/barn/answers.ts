// What the store's door at /barn/v1/ answers, read field by field.
import type { Api } from '../api.ts';
import { isRecord, recordsOf, textOf } from '../values.ts';

/** A member of the group that keeps the store; numbers of members are hexadecimal text. */
export interface BarnMember {
  readonly id: string;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** Something that an operator must see to. */
export interface BarnAlarm {
  readonly alarm: string;
  readonly memberId: string;
}

/** The members as one of them knows them. */
export async function readMembers(api: Api, signal: AbortSignal): Promise<readonly BarnMember[]> {
  const body = await (await api.get('/barn/v1/members', { signal })).json();
  return isRecord(body) ? recordsOf(body['members']).map(memberOf) : [];
}

/** One member of an answer. */
export function memberOf(value: unknown): BarnMember {
  const member = isRecord(value) ? value : {};
  return {
    id: textOf(member['id']),
    name: textOf(member['name']),
    peerUrls: texts(member['peerURLs']),
    clientUrls: texts(member['clientURLs']),
    isLearner: member['isLearner'] === true,
  };
}

/** The alarms of an answer. */
export function alarmsOf(body: unknown): readonly BarnAlarm[] {
  const rows = isRecord(body) ? recordsOf(body['alarms']) : [];
  return rows.map((row) => ({ alarm: textOf(row['alarm']), memberId: textOf(row['memberId']) }));
}

/** The texts of a list. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
