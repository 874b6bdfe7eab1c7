// Certificates that are renewed while the server runs: it watches their files and takes up what can be used. A bad file is told and
// counted, and what was there stays in use.
import { readFile } from 'node:fs/promises';
import type { Clock, Log } from '../../base/index.ts';
import { checkUsable, type TrustedCredentials, type WatchedFiles, watchFiles } from '../../pki/index.ts';

/** What a certificate is for: shown to clients of the API, or to the other members of the store. */
export type CertificateName = 'api' | 'peer';

/** Where a certificate lies; paths of PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** One or more certificates of authorities. */
  readonly authority: string;
}

/** A certificate to keep renewed. */
export interface KeptCertificate {
  readonly name: CertificateName;
  readonly files: CertificateFiles;
  /** What is in use. */
  readonly inUse: TrustedCredentials;
  /** Uses others for connections from now on; rejects, and then nothing has changed. */
  readonly use: (credentials: TrustedCredentials) => void | Promise<void>;
}

/** What the metrics tell of a certificate. */
export interface CertificateState {
  readonly name: CertificateName;
  /** When the one in use ends, in milliseconds; 0 when it cannot be read. */
  readonly endsMs: number;
  readonly taken: number;
  readonly refused: number;
}

/** Keeps certificates renewed until it is closed. */
export class Renewals {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #kept: Kept[] = [];

  constructor(options: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = options.clock;
    this.#log = options.log;
  }

  keep(certificate: KeptCertificate): void {
    this.#kept.push(new Kept(certificate, this.#clock, this.#log));
  }

  states(): readonly CertificateState[] {
    return this.#kept.map((kept) => kept.state());
  }

  close(): void {
    for (const kept of this.#kept) kept.close();
  }
}

class Kept {
  readonly #certificate: KeptCertificate;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watched: WatchedFiles;
  #inUse: TrustedCredentials;
  /** Files are read one time after the other, and once more if they changed meanwhile. */
  #isReading = false;
  #isDue = false;
  #lastRefusal = '';
  #endsMs: number;
  #taken = 0;
  #refused = 0;

  constructor(certificate: KeptCertificate, clock: Clock, log: Log) {
    this.#certificate = certificate;
    this.#clock = clock;
    this.#log = log;
    this.#inUse = certificate.inUse;
    this.#endsMs = this.#endOf(certificate.inUse);
    const { files } = certificate;
    this.#watched = watchFiles([files.certificate, files.key, files.authority], {
      clock,
      log,
      onChange: () => this.#look(),
    });
    // What was renewed between the start's reading and now.
    this.#look();
  }

  state(): CertificateState {
    return { name: this.#certificate.name, endsMs: this.#endsMs, taken: this.#taken, refused: this.#refused };
  }

  close(): void {
    this.#watched.close();
  }

  #look(): void {
    this.#isDue = true;
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.#isDue) {
      this.#isDue = false;
      const { name, files } = this.#certificate;
      try {
        await this.#take();
        this.#lastRefusal = '';
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        // Something else in the folder changed.
        if (why === this.#lastRefusal) continue;
        this.#lastRefusal = why;
        this.#refused++;
        this.#log.error('changed certificate not taken, the one before stays in use', {
          certificate: name,
          certFile: files.certificate,
          keyFile: files.key,
          caFile: files.authority,
          error: why,
        });
      }
    }
    this.#isReading = false;
  }

  async #take(): Promise<void> {
    const { name, files, use } = this.#certificate;
    const [certificate = '', key = '', authority = ''] = await Promise.all(
      [files.certificate, files.key, files.authority].map((path) => readFile(path, 'utf8')),
    );
    const { certificate: old, key: oldKey, authority: oldAuthority } = this.#inUse;
    if (certificate === old && key === oldKey && authority === oldAuthority) return;
    const endsMs = checkUsable({ certificate, key, authority }, this.#clock.now());
    await use({ certificate, key, authority });
    this.#inUse = { certificate, key, authority };
    this.#endsMs = endsMs;
    this.#taken++;
    this.#log.info('changed certificate taken, for connections from now on', {
      certificate: name,
      ends: new Date(endsMs).toISOString(),
      isCertificateNew: certificate !== old,
      isKeyNew: key !== oldKey,
      isAuthorityNew: authority !== oldAuthority,
    });
  }

  #endOf(credentials: TrustedCredentials): number {
    try {
      return checkUsable(credentials, this.#clock.now());
    } catch (error) {
      this.#log.error('certificate cannot be used', {
        certificate: this.#certificate.name,
        error: error instanceof Error ? error.message : String(error),
      });
      return 0;
    }
  }
}
