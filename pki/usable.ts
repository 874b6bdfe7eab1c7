import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Credentials } from './authority.ts';

/** A certificate with its key, and one or more authorities, the one that signed it among them. */
export interface TrustedCredentials extends Credentials {
  /** PEM text with one certificate after another: while authorities change, the old and the new. */
  readonly authority: string;
}

/**
 * Checks that credentials can be shown to others now, who trust the same authorities; gives when the certificate ends.
 * Throws an Error that says what is wrong: unreadable, of another key, out of its time, signed by none of the authorities.
 */
export function checkUsable({ certificate, key, authority }: TrustedCredentials, nowMs: number): number {
  const [leaf, ...intermediates] = certificatesOf(certificate, 'the certificate');
  const authorities = certificatesOf(authority, 'the authority');
  if (leaf === undefined) throw new Error('there is no certificate');
  if (authorities.length === 0) throw new Error('there is no authority');
  createSecureContext({ ca: authority, cert: certificate, key });
  const endsMs = Date.parse(leaf.validTo);
  if (nowMs < Date.parse(leaf.validFrom)) throw new Error(`it is not valid before ${leaf.validFrom}`);
  if (nowMs >= endsMs) throw new Error(`it ended at ${leaf.validTo}`);
  const issuers = [...intermediates, ...authorities];
  if (!issuers.some((issuer) => leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)))
    throw new Error(`none of the ${authorities.length} trusted authorities signed it`);
  return endsMs;
}

/** The certificates of a PEM text, each as a text of its own. */
export function certificateBlocks(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

function certificatesOf(text: string, what: string): readonly X509Certificate[] {
  return certificateBlocks(text).map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new Error(`${what} cannot be read`, { cause });
    }
  });
}
