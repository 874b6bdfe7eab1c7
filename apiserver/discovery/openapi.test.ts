import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { expect } from 'chai';
import { kindInfos } from '../../apis/index.ts';
import { at, isRecord, recordOf } from '../json.ts';
import { jsonPath } from '../view/json-path.ts';
import { openApiV2, openApiV3 } from './openapi.ts';
import { openApiDocuments, wantsProtobuf } from './openapi-documents.ts';
import { encodeOpenApi } from './openapi-proto.ts';

describe('apiserver: OpenAPI', () => {
  const v2 = openApiV2(kindInfos, 'test');
  const v3 = openApiV3(kindInfos, 'test');

  it('has a definition with its group, version and kind for every kind', () => {
    const definitions = recordOf(v2.definitions);
    for (const info of kindInfos) {
      const found = Object.values(definitions).filter((definition) => {
        const gvk = jsonPath({ gvk: recordOf(definition)['x-kubernetes-group-version-kind'] }, '.gvk[0]');
        return isRecord(gvk) && gvk.kind === info.kind && gvk.group === info.group && gvk.version === info.version;
      });
      expect(found, info.kind).to.have.length(1);
    }
  });

  it('describes every field, and refers only to what is there', () => {
    const names = Object.keys(recordOf(v2.definitions));
    walk(v2.definitions, '', (path, schema) => {
      const reference = schema.$ref;
      if (typeof reference === 'string') expect(names).to.include(reference.replace('#/definitions/', ''));
      const isField = /\.properties\.[^.]+$/.test(path);
      if (isField) expect(schema.description, path).to.be.a('string').and.not.equal('');
    });
  });

  it('says which parameters a patch takes, where kubectl looks', () => {
    const path = '/apis/runink.io/v1/namespaces/{namespace}/pipelines/{name}';
    const patch = recordOf(recordOf(recordOf(v3.get('apis/runink.io/v1')?.paths)[path]).patch);
    expect(patch['x-kubernetes-group-version-kind']).to.deep.equal({
      group: 'runink.io',
      kind: 'Pipeline',
      version: 'v1',
    });
    const names = Array.isArray(patch.parameters) ? patch.parameters.map((item: unknown) => at(item, 'name')) : [];
    expect(names).to.include.members(['dryRun', 'fieldValidation', 'fieldManager']);
    expect(Object.keys(recordOf(at(patch, 'requestBody.content')))).to.not.include(
      'application/strategic-merge-patch+json',
    );
  });

  it('gives merge keys to Kubernetes’ kinds only', () => {
    const conditions = (name: string) => {
      const definition = recordOf(recordOf(v2.definitions)[name]);
      return recordOf(at(definition, 'properties.status.properties.conditions'))['x-kubernetes-patch-merge-key'];
    };
    expect(conditions('io.k8s.api.core.v1.Node')).to.equal('type');
    expect(conditions('io.runink.v1.Pipeline')).to.equal(undefined);
  });

  it('encodes the same definitions as protobuf', () => {
    const document = fields(encodeOpenApi(v2));
    expect(textIn(document, 1)).to.equal('2.0');
    const definitions = (document.get(9) ?? []).flatMap((bytes) => fields(bytes).get(1) ?? []).map(fields);
    expect(definitions.map((pair) => textIn(pair, 1))).to.deep.equal(Object.keys(recordOf(v2.definitions)));
    const pipeline = definitions.find((pair) => textIn(pair, 1) === 'io.runink.v1.Pipeline');
    const schema = fields(pipeline?.get(2)?.[0] ?? new Uint8Array());
    expect(textIn(schema, 4)).to.match(/^A pipeline: sources/);
    expect(textIn(fields(schema.get(22)?.[0] ?? new Uint8Array()), 1)).to.equal('object');
    const properties = (fields(schema.get(25)?.[0] ?? new Uint8Array()).get(1) ?? []).map((bytes) =>
      textIn(fields(bytes), 1),
    );
    expect(properties).to.deep.equal(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
    const extensions = (schema.get(31) ?? []).map((bytes) => fields(bytes));
    expect(extensions.map((pair) => textIn(pair, 1))).to.deep.equal(['x-kubernetes-group-version-kind']);
    const any = fields(extensions[0]?.get(2)?.[0] ?? new Uint8Array());
    expect(textIn(any, 2)).to.equal('[{"group":"runink.io","kind":"Pipeline","version":"v1"}]\n');
  });

  it('names documents by their hash', () => {
    const documents = openApiDocuments(kindInfos, 'test');
    const url = at(recordOf(at(documents.v3Index(), 'paths'))['apis/runink.io/v1'], 'serverRelativeURL');
    const hash = documents.v3('apis/runink.io/v1')?.etag.replaceAll('"', '') ?? '';
    expect(url).to.equal(`/openapi/v3/apis/runink.io/v1?hash=${hash}`);
    expect(documents.v3('apis/none')).to.equal(undefined);
    expect(documents.v2('protobuf').type).to.equal('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
    expect(wantsProtobuf('application/com.github.proto-openapi.spec.v2@v1.0+protobuf')).to.equal(true);
    expect(wantsProtobuf('application/json')).to.equal(false);
  });
});

function walk(value: unknown, path: string, visit: (path: string, schema: Record<string, unknown>) => void): void {
  if (!isRecord(value)) return;
  visit(path, value);
  for (const [key, child] of Object.entries(value)) walk(child, `${path}.${key}`, visit);
}

// Every length-delimited field of a message, by number.
function fields(bytes: Uint8Array): Map<number, Uint8Array[]> {
  const reader = new BinaryReader(bytes);
  const found = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type !== WireType.LengthDelimited) {
      reader.skip(type, number);
      continue;
    }
    found.set(number, [...(found.get(number) ?? []), reader.bytes()]);
  }
  return found;
}

function textIn(message: Map<number, Uint8Array[]>, number: number): string {
  return Buffer.from(message.get(number)?.[0] ?? new Uint8Array()).toString();
}
