import { expect } from 'chai';
import type { Schema } from '../../apis/index.ts';
import { compare } from './compare.ts';
import { merge } from './merge.ts';
import { appliedFields, everyField } from './own.ts';
import { reconciled, without } from './remove.ts';

const text: Schema = { type: 'string' };
const setOf: Schema = { type: 'array', items: text, 'x-kubernetes-list-type': 'set' };
const keyed: Schema = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['port', 'protocol'],
  items: {
    type: 'object',
    properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: text },
  },
};
const schema: Schema = {
  type: 'object',
  properties: {
    set: setOf,
    keyed,
    list: { type: 'array', items: text },
    map: { type: 'object', additionalProperties: text },
    whole: { type: 'object', properties: { a: text, b: text }, 'x-kubernetes-map-type': 'atomic' },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

describe('apiserver: an applied configuration merged into what is live', () => {
  for (const [title, live, applied, result] of [
    ['unites sets', { set: ['a', 'b'] }, { set: ['c'] }, { set: ['a', 'b', 'c'] }],
    ['brings shared items into the applied order', { set: ['a', 'b'] }, { set: ['b', 'a'] }, { set: ['b', 'a'] }],
    [
      'keeps others where they stand between shared ones',
      { set: ['x', 'a', 'y', 'b', 'z'] },
      { set: ['a', 'n', 'b'] },
      { set: ['x', 'a', 'y', 'n', 'b', 'z'] },
    ],
    [
      'keeps others when the order turns',
      { set: ['a', 'b', 'x', 'c'] },
      { set: ['b', 'a', 'c'] },
      { set: ['b', 'x', 'a', 'c'] },
    ],
    [
      'merges items of one key, with the default of a key that is left out',
      { keyed: [{ port: 1, protocol: 'TCP', name: 'a' }] },
      {
        keyed: [
          { port: 1, name: 'b' },
          { port: 1, protocol: 'UDP' },
        ],
      },
      {
        keyed: [
          { port: 1, protocol: 'TCP', name: 'b' },
          { port: 1, protocol: 'UDP' },
        ],
      },
    ],
    ['replaces a list that is owned as a whole', { list: ['a'] }, { list: ['b'] }, { list: ['b'] }],
    ['merges maps', { map: { a: '1', b: '1' } }, { map: { b: '2', c: '2' } }, { map: { a: '1', b: '2', c: '2' } }],
    ['replaces a map that is owned as a whole', { whole: { a: '1' } }, { whole: { b: '2' } }, { whole: { b: '2' } }],
    [
      'merges maps of which nothing is known',
      { any: { a: { x: 1 } } },
      { any: { a: { y: [1] } } },
      { any: { a: { x: 1, y: [1] } } },
    ],
    ['replaces a text by a map there', { any: { a: 'x' } }, { any: { a: { y: 1 } } }, { any: { a: { y: 1 } } }],
    ['leaves alone what is said to be an empty map', { map: { a: '1' } }, { map: {} }, { map: { a: '1' } }],
    ['leaves alone what is said to be null', { map: { a: '1' } }, { map: null }, { map: { a: '1' } }],
  ] as const) {
    it(title, () => expect(merge(schema, live, applied)).to.deep.equal(result));
  }
});

describe('apiserver: the fields of values', () => {
  const port = 'k:{"port":1,"protocol":"TCP"}';
  for (const [title, value, applied, every] of [
    ['a set', { set: ['a'] }, { 'f:set': { 'v:"a"': {} } }, { 'f:set': { '.': {}, 'v:"a"': {} } }],
    [
      'a keyed list',
      { keyed: [{ port: 1 }] },
      { 'f:keyed': { [port]: { '.': {}, 'f:port': {} } } },
      { 'f:keyed': { '.': {}, [port]: { '.': {}, 'f:port': {} } } },
    ],
    ['an empty list', { keyed: [] }, {}, { 'f:keyed': {} }],
    ['an empty map', { map: {} }, { 'f:map': {} }, { 'f:map': {} }],
    ['a map', { map: { a: '1' } }, { 'f:map': { 'f:a': {} } }, { 'f:map': { '.': {}, 'f:a': {} } }],
    ['a whole map', { whole: { a: '1' } }, { 'f:whole': {} }, { 'f:whole': {} }],
    [
      'what nothing is known of',
      { any: { a: { b: [1] } } },
      { 'f:any': { 'f:a': { '.': {}, 'f:b': {} } } },
      { 'f:any': { '.': {}, 'f:a': { '.': {}, 'f:b': {} } } },
    ],
    ['null', { map: null }, { 'f:map': {} }, { 'f:map': {} }],
  ] as const) {
    it(`of ${title}`, () => {
      expect(appliedFields(schema, value), 'applied').to.deep.equal(applied);
      const { '.': _self, ...fields } = everyField(schema, value);
      expect(fields, 'every').to.deep.equal(every);
    });
  }

  for (const [title, before, after, result] of [
    ['nothing', { map: { a: '1' } }, { map: { a: '1' } }, undefined],
    ['a new map', {}, { map: { a: '1' } }, { added: { 'f:map': { '.': {}, 'f:a': {} } }, modified: {}, removed: {} }],
    [
      'one key more, one changed, one less',
      { map: { a: '1', b: '1' } },
      { map: { b: '2', c: '1' } },
      { added: { 'f:map': { 'f:c': {} } }, modified: { 'f:map': { 'f:b': {} } }, removed: { 'f:map': { 'f:a': {} } } },
    ],
    [
      'an item gone',
      { set: ['a', 'b'] },
      { set: ['b'] },
      { added: {}, modified: {}, removed: { 'f:set': { 'v:"a"': {} } } },
    ],
    ['only the order of a set', { set: ['a', 'b'] }, { set: ['b', 'a'] }, undefined],
    ['a list as a whole', { list: ['a'] }, { list: ['b'] }, { added: {}, modified: { 'f:list': {} }, removed: {} }],
    [
      'a text that became a map',
      { any: { a: 1 } },
      { any: { a: { b: 1 } } },
      {
        added: { 'f:any': { 'f:a': { 'f:b': {} } } },
        modified: { 'f:any': { 'f:a': {} } },
        removed: {},
      },
    ],
    [
      'a map that was emptied',
      { map: { a: '1' } },
      { map: {} },
      { added: {}, modified: {}, removed: { 'f:map': { 'f:a': {} } } },
    ],
  ] as const) {
    it(`that changed: ${title}`, () => expect(compare(schema, before, after)).to.deep.equal(result));
  }

  it('taken out leave nothing empty behind', () => {
    const value = { set: ['a'], map: { a: '1', b: '2' }, keyed: [{ port: 1, name: 'x' }] };
    const set = { 'f:set': { 'v:"a"': {} }, 'f:map': { 'f:a': {} }, 'f:keyed': { [port]: { 'f:name': {} } } };
    expect(without(schema, value, set)).to.deep.equal({ map: { b: '2' }, keyed: [{ port: 1 }] });
    expect(without(schema, { set: ['a'] }, set)).to.equal(undefined);
  });

  it('that a schema came to own as a whole are owned as a whole', () => {
    const set = { 'f:whole': { '.': {}, 'f:a': {} }, 'f:list': { 'v:"a"': {} }, 'f:map': { 'f:a': {} } };
    expect(reconciled(schema, set)).to.deep.equal({ 'f:whole': {}, 'f:list': {}, 'f:map': { 'f:a': {} } });
    const same = { 'f:whole': {}, 'f:map': { 'f:a': {} } };
    expect(reconciled(schema, same)).to.equal(same);
  });
});
