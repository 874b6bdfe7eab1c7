import { createPrivateKey, createPublicKey, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type * as X509 from '@peculiar/x509';
import type { Clock } from '../base/index.ts';

/** A certificate and its private key, as PEM text. The key is the caller's to guard. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

/** Whom a certificate names, and what it is good for. */
export interface CertificateRequest {
  readonly commonName: string;
  /** Each is a group of the identity. */
  readonly organizations?: readonly string[];
  /** A peer is both: it dials and is dialled. */
  readonly usage: 'server' | 'client' | 'peer';
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
const authorityDays = 3650;
const leafDays = 365;
/** What is valid for less than this is made anew. */
const renewDays = 30;
/** Clocks of two machines may differ by so much. */
const skewMs = 300_000;

/** A new certificate authority that signs only leaves. */
export async function createAuthority(commonName: string, clock: Clock): Promise<Credentials> {
  const key = await createKey();
  return { certificate: await certifyAuthority(commonName, key, clock), key };
}

/** A new key with a certificate signed by `authority`, good for one usage. */
export async function issue(authority: Credentials, request: CertificateRequest, clock: Clock): Promise<Credentials> {
  const key = await createKey();
  return { certificate: await certify(authority, request, key, clock), key };
}

/** A new private key, as PEM text. */
export async function createKey(): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return exportKey(keys.privateKey);
}

/** The certificate of an authority with this key that signs only leaves. */
export async function certifyAuthority(commonName: string, key: string, clock: Clock): Promise<string> {
  const x509 = await library();
  const keys = { privateKey: await importKey(key), publicKey: await publicKeyOf(key) };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(clock.now() - skewMs),
    notAfter: new Date(clock.now() + authorityDays * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return certificate.toString('pem');
}

/** A certificate for `key`, signed by `authority`, good for one usage. */
export async function certify(
  authority: Credentials,
  request: CertificateRequest,
  key: string,
  clock: Clock,
): Promise<string> {
  const x509 = await library();
  const publicKey = await publicKeyOf(key);
  const issuer = new x509.X509Certificate(authority.certificate);
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const purposes = { server: [serverAuth], client: [clientAuth], peer: [serverAuth, clientAuth] }[request.usage];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [request.commonName] }, ...(request.organizations ?? []).map((name) => ({ O: [name] }))],
    issuer: issuer.subject,
    notBefore: new Date(clock.now() - skewMs),
    notAfter: new Date(clock.now() + leafDays * dayMs),
    signingAlgorithm: algorithm,
    publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(purposes, false),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names, false)]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return certificate.toString('pem');
}

/** Whether `credentials` belong together, were signed by `authority` (or are it), stay valid for a while and name `hosts`. */
export function isGood(
  credentials: Credentials,
  authority: Credentials,
  clock: Clock,
  hosts: readonly string[] = [],
): boolean {
  try {
    const certificate = new X509Certificate(credentials.certificate);
    if (Date.parse(certificate.validTo) < clock.now() + renewDays * dayMs) return false;
    if (!certificate.checkPrivateKey(createPrivateKey(credentials.key))) return false;
    const isNamed = (host: string): boolean =>
      (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
    return hosts.every(isNamed) && certificate.verify(new X509Certificate(authority.certificate).publicKey);
  } catch {
    // What cannot be read is made anew, like what is old.
    return false;
  }
}

// Imported when first needed: parsing ASN.1 schemas costs every start tens of milliseconds.
async function library(): Promise<typeof X509> {
  // Its dependency container wants the polyfill to be there first.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

async function publicKeyOf(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' });
  return webcrypto.subtle.importKey('spki', der, algorithm, true, ['verify']);
}
