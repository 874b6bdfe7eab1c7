import { expect } from 'chai';
import { kindInfos } from '../../apis/index.ts';
import { negotiate } from './negotiate.ts';
import { parseRequest } from './request-info.ts';

const kindOf = (group: string, version: string, plural: string) =>
  kindInfos.find((info) => info.group === group && info.version === version && info.plural === plural);

function parsed(method: string, url: string): string {
  const { pathname, search } = new URL(`http://x${url}`);
  // URL would tidy the path up; what it would change is given raw.
  const path = url.includes('%') || url.includes('..') ? (url.split('?')[0] ?? '') : pathname;
  const about = parseRequest(method, path, new URLSearchParams(search), kindOf);
  if (about.kind !== 'resource') return about.kind === 'path' ? `path ${about.path}` : about.kind;
  const { verb, info, namespace = '', name = '', subresource = '' } = about;
  return [verb, info.plural, namespace, name, subresource].join(' ').trimEnd();
}

describe('apiserver: request info', () => {
  for (const [method, url, expected] of [
    ['GET', '/api/v1/namespaces', 'list namespaces'],
    ['GET', '/api/v1/namespaces?watch=true', 'watch namespaces'],
    ['GET', '/api/v1/namespaces?watch=false', 'list namespaces'],
    ['GET', '/api/v1/namespaces/h', 'get namespaces  h'],
    ['PUT', '/api/v1/namespaces/h/status', 'update namespaces  h status'],
    ['GET', '/api/v1/namespaces/h/secrets', 'list secrets h'],
    ['GET', '/api/v1/namespaces/h/secrets/s', 'get secrets h s'],
    ['POST', '/api/v1/namespaces/h/secrets', 'create secrets h'],
    ['DELETE', '/api/v1/namespaces/h/secrets', 'deletecollection secrets h'],
    ['DELETE', '/api/v1/namespaces/h/secrets/s', 'delete secrets h s'],
    ['PATCH', '/apis/runink.io/v1/namespaces/h/runs/r/status', 'patch runs h r status'],
    ['POST', '/apis/runink.io/v1/namespaces/h/slices/s/binding', 'create slices h s binding'],
    ['GET', '/apis/runink.io/v1/namespaces/h/runs/r/log?step=a', 'get runs h r log'],
    ['PUT', '/apis/runink.io/v1/namespaces/h/bundles/b/content', 'update bundles h b content'],
    ['GET', '/apis/runink.io/v1/slices?watch=1', 'watch slices'],
    ['GET', '/apis/runink.io/v1/herds/h', 'get herds  h'],
    ['GET', '/api/v1/nodes/n/tunnel', 'get nodes  n tunnel'],
    ['GET', '/apis/runink.io/v1', 'path /apis/runink.io/v1'],
    ['GET', '/healthz', 'path /healthz'],
    ['GET', '/version/', 'path /version'],
    ['GET', '/', 'path /'],
    ['POST', '/apis/runink.io/v1/slices', 'notAllowed'],
    ['DELETE', '/apis/runink.io/v1/slices', 'notAllowed'],
    ['POST', '/api/v1/namespaces/h', 'notAllowed'],
    ['PUT', '/api/v1/namespaces', 'notAllowed'],
    ['OPTIONS', '/api/v1/namespaces', 'notAllowed'],
    ['GET', '/apis/runink.io/v1/slices/s', 'unknown'],
    ['GET', '/apis/runink.io/v1/namespaces/h/herds', 'unknown'],
    ['GET', '/apis/runink.io/v1/namespaces/h', 'unknown'],
    ['GET', '/apis/runink.io/v2/herds', 'unknown'],
    ['GET', '/api/v1/pods', 'list pods'],
    ['GET', '/api/v1/namespaces/h/pods/p', 'get pods h p'],
    ['DELETE', '/api/v1/namespaces/h/pods/p', 'delete pods h p'],
    ['DELETE', '/api/v1/namespaces/h/pods', 'deletecollection pods h'],
    ['POST', '/api/v1/namespaces/h/pods/p/eviction', 'create pods h p eviction'],
    ['GET', '/api/v1/namespaces/h/pods/p/eviction', 'notAllowed'],
    ['PUT', '/api/v1/namespaces/h/pods/p/log', 'notAllowed'],
    ['POST', '/api/v1/namespaces/h/pods', 'notAllowed'],
    ['PUT', '/api/v1/namespaces/h/pods/p', 'notAllowed'],
    ['PATCH', '/api/v1/namespaces/h/pods/p', 'notAllowed'],
    ['GET', '/api/v1/namespaces/h/pods/p/exec', 'unknown'],
    ['GET', '/api/v1/namespaces/h/secrets/s/status', 'unknown'],
    ['GET', '/api/v1/namespaces/h/secrets/s/x/y', 'unknown'],
    ['GET', '/api/v1//namespaces', 'unknown'],
    ['GET', '/api/v1/namespaces/', 'unknown'],
    ['GET', '/API/v1/namespaces', 'path /API/v1/namespaces'],
    ['GET', '/api/v1/namespaces/%2e%2e/secrets', 'unknown'],
    ['GET', '/api/v1/namespaces/h/secrets/a%2Fb', 'get secrets h a/b'],
    ['GET', '/api/v1/namespaces/h/secrets/%zz', 'unknown'],
    ['GET', '/api/v1/%6eamespaces', 'list namespaces'],
  ] as const) {
    it(`${method} ${url}`, () => expect(parsed(method, url)).to.equal(expected));
  }

  it('takes no absolute form', () => {
    expect(parseRequest('GET', 'https://x/api/v1/namespaces', new URLSearchParams(), kindOf).kind).to.equal('unknown');
  });
});

describe('apiserver: negotiation', () => {
  for (const [accept, form] of [
    [undefined, 'object'],
    ['*/*', 'object'],
    ['application/json', 'object'],
    ['application/vnd.kubernetes.protobuf,application/json', 'object'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'table'],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', 'object'],
    ['application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 'partial'],
  ] as const) {
    it(`answers ${accept ?? 'no header'} with ${form}`, () => expect(negotiate(accept)).to.equal(form));
  }

  for (const accept of ['text/csv', 'application/vnd.kubernetes.protobuf', 'application/yaml;as=Table']) {
    it(`refuses ${accept}`, () =>
      expect(() => negotiate(accept)).to.throw('only the following media types are accepted'));
  }
});
