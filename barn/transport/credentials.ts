import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { TransportError } from './error.ts';

/** What a member shows its peers and checks them by, as PEM text. The authority signs peers and nobody else. */
export interface PeerCredentials {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/**
 * The TLS settings of both ends of a connection. Errors: TransportError Credentials, when they cannot be read, do not belong
 * together, or the certificate does not bear `name`: every peer would refuse it.
 */
export function secureOptions(credentials: PeerCredentials, name: string): SecureContextOptions {
  const options: SecureContextOptions = {
    ca: credentials.authority,
    cert: credentials.certificate,
    key: credentials.key,
    minVersion: 'TLSv1.3',
    // No session is taken up again: each connection checks the certificate anew.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  try {
    createSecureContext(options);
    if (bearsName(new X509Certificate(credentials.certificate), name)) return options;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TransportError('Credentials', `the peer certificate of ${name} cannot be used: ${why}`, { cause });
  }
  throw new TransportError('Credentials', `the peer certificate bears no common or DNS name ${JSON.stringify(name)}`);
}

/** Whether a certificate bears a member's name, letter by letter, as its common name or as a DNS name; no wildcards. */
export function bearsName(certificate: X509Certificate, name: string): boolean {
  const options = { subject: 'always', wildcards: false, partialWildcards: false } as const;
  return certificate.checkHost(name, options) === name;
}
