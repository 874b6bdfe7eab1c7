import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { expect } from 'chai';
import { ApiError } from '../../apis/index.ts';
import { decodeProtobuf } from './protobuf.ts';

type Write = (writer: BinaryWriter) => void;
const message = (writer: BinaryWriter, field: number, write: Write): void => {
  writer.tag(field, 2).fork();
  write(writer);
  writer.join();
};
const text = (writer: BinaryWriter, field: number, value: string) => writer.tag(field, 2).string(value);
function envelope(apiVersion: string, kind: string, write: Write): Uint8Array {
  const raw = new BinaryWriter();
  write(raw);
  const outer = new BinaryWriter();
  message(outer, 1, (type) => {
    text(type, 1, apiVersion);
    text(type, 2, kind);
  });
  outer.tag(2, 2).bytes(raw.finish());
  text(outer, 3, '');
  return Buffer.concat([Buffer.from('k8s\0'), outer.finish()]);
}

describe('apiserver: protobuf bodies', () => {
  it('reads a review', () => {
    const body = envelope('authorization.k8s.io/v1', 'SubjectAccessReview', (review) => {
      message(review, 1, () => undefined);
      message(review, 2, (spec) => {
        message(spec, 1, (about) => {
          text(about, 1, 'h');
          text(about, 2, 'list');
          text(about, 5, 'slices');
          message(about, 8, (selector) =>
            message(selector, 2, (requirement) => {
              text(requirement, 1, 'spec.nodeName');
              text(requirement, 2, 'In');
              text(requirement, 3, 'n1');
            }),
          );
        });
        text(spec, 3, 'joe');
        text(spec, 4, 'g');
        message(spec, 5, (pair) => {
          text(pair, 1, 'scopes');
          message(pair, 2, (items) => {
            text(items, 1, 'x');
            text(items, 1, 'y');
          });
        });
      });
    });
    expect(decodeProtobuf(body)).to.deep.equal({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        resourceAttributes: {
          namespace: 'h',
          verb: 'list',
          resource: 'slices',
          fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }] },
        },
        user: 'joe',
        groups: ['g'],
        extra: { scopes: ['x', 'y'] },
      },
    });
  });

  it('reads a secret', () => {
    const body = envelope('v1', 'Secret', (secret) => {
      message(secret, 1, (meta) => {
        text(meta, 1, 's');
        text(meta, 3, '');
        message(meta, 8, () => undefined);
        message(meta, 11, (pair) => {
          text(pair, 1, 'a');
          text(pair, 2, 'b');
        });
        text(meta, 14, 'f1');
        text(meta, 14, 'f2');
        message(meta, 17, (managed) => text(managed, 1, 'kubectl'));
      });
      message(secret, 2, (pair) => {
        text(pair, 1, 'key');
        pair.tag(2, 2).bytes(Buffer.from('value'));
      });
      message(secret, 2, (pair) => text(pair, 1, 'empty'));
      text(secret, 3, 'Opaque');
      secret.tag(5, 0).bool(true);
    });
    expect(decodeProtobuf(body)).to.deep.equal({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', labels: { a: 'b' }, finalizers: ['f1', 'f2'] },
      data: { key: Buffer.from('value').toString('base64'), empty: '' },
      type: 'Opaque',
      immutable: true,
    });
  });

  it('reads an eviction, as kubectl drain sends it', () => {
    const body = envelope('policy/v1', 'Eviction', (eviction) => {
      message(eviction, 1, (meta) => text(meta, 1, 'p'));
      message(eviction, 2, (options) => {
        options.tag(1, 0).int64(7);
        text(options, 5, 'All');
      });
    });
    expect(decodeProtobuf(body)).to.deep.equal({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'p' },
      deleteOptions: { gracePeriodSeconds: 7, dryRun: ['All'] },
    });
  });

  it('reads the options of a delete under any group', () => {
    const body = envelope('runink.io/v1', 'DeleteOptions', (options) => {
      options.tag(1, 0).int64(0);
      message(options, 2, (preconditions) => text(preconditions, 1, 'u'));
      text(options, 4, 'Background');
    });
    expect(decodeProtobuf(body)).to.deep.include({
      gracePeriodSeconds: 0,
      preconditions: { uid: 'u' },
      propagationPolicy: 'Background',
    });
  });

  for (const [title, body, reason] of [
    ['no envelope', Buffer.from('{}'), 'BadRequest'],
    ['a torn one', Buffer.concat([Buffer.from('k8s\0'), Buffer.from([10, 200])]), 'BadRequest'],
    ['another wire type', envelope('v1', 'Namespace', (object) => object.tag(1, 0).int32(1)), 'BadRequest'],
    ['a kind in JSON only', envelope('v1', 'Node', () => undefined), 'UnsupportedMediaType'],
    [
      '__proto__ in a map',
      envelope('v1', 'Namespace', (object) =>
        message(object, 1, (meta) => message(meta, 11, (pair) => text(pair, 1, '__proto__'))),
      ),
      'BadRequest',
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      expect(() => decodeProtobuf(body))
        .to.throw(ApiError)
        .with.property('reason', reason);
    });
  }
});
