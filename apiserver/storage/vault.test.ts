import { expect } from 'chai';
import type { Unstructured } from '../../apis/index.ts';
import { keyProvider } from './key-file.ts';
import { derivedUid } from './projections/derived-uid.ts';
import { Vault, VaultError } from './vault.ts';

const first = { id: 'k1', key: new Uint8Array(32).fill(1) };
const second = { id: 'k2', key: new Uint8Array(32).fill(2) };
const vault = new Vault(keyProvider([first]));
const secret: Unstructured = {
  kind: 'Secret',
  apiVersion: 'v1',
  metadata: { name: 's', namespace: 'h', uid: 'u', annotations: { note: 'classified' }, labels: { a: 'b' } },
  type: 'Opaque',
  data: { key: 'Y2xhc3NpZmllZA==' },
};

describe('apiserver: vault', () => {
  it('opens what it sealed', () => {
    expect(vault.open(vault.seal(secret, 'herd'), 'herd')).to.deep.equal(secret);
  });

  it('shows neither data nor annotations in what is stored, and labels to select by', () => {
    const sealed = vault.seal(secret, 'herd');
    const text = JSON.stringify(sealed);
    expect(text).to.not.include('classified').and.not.include('Y2xhc3NpZmllZA');
    expect(sealed.metadata.labels).to.deep.equal({ a: 'b' });
  });

  it('never seals twice alike', () => {
    expect(vault.seal(secret, 'herd')).to.not.deep.equal(vault.seal(secret, 'herd'));
  });

  const sealed = vault.seal(secret, 'herd');
  for (const [title, moved, herd] of [
    ['another name', { ...sealed, metadata: { ...sealed.metadata, name: 't' } }, 'herd'],
    ['another uid', { ...sealed, metadata: { ...sealed.metadata, uid: 'v' } }, 'herd'],
    ['another kind', { ...sealed, kind: 'Other' }, 'herd'],
    ['another herd', sealed, 'other'],
  ] as const) {
    it(`does not open under ${title}`, () => expect(() => vault.open(moved, herd)).to.throw(VaultError));
  }

  it('does not open what was changed', () => {
    const parts = sealed.sealed as { data: string };
    const data = Buffer.from(parts.data, 'base64');
    data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 1;
    const changed = { ...sealed, sealed: { ...parts, data: data.toString('base64') } };
    expect(() => vault.open(changed, 'herd')).to.throw(VaultError, 'it was not sealed for this object or was changed');
  });

  it('opens old objects after a new key came, and says which key is missing', () => {
    const rotated = new Vault(keyProvider([second, first]));
    expect(rotated.open(sealed, 'herd')).to.deep.equal(secret);
    expect(() => new Vault(keyProvider([second])).open(sealed, 'herd')).to.throw(
      VaultError,
      'open secret h/s: there is no key-encryption key "k1"',
    );
  });
});

describe('apiserver: derived uids', () => {
  it('are UUIDs of version 5, the same each time', () => {
    expect(derivedUid('a')).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(derivedUid('a')).to.equal(derivedUid('a'));
    expect(derivedUid('a')).to.not.equal(derivedUid('b'));
  });
});
