import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LogStore } from './log-store.ts';

describe('runi-agent/exchange: log store', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'logs-'));
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it('finds a live log, a finished one, and the newest attempt', () => {
    const store = new LogStore(top);
    store.open({ runUID: 'r', step: 's', attempt: 1 }).append(Buffer.from('1\n'));
    store.finish({ runUID: 'r', step: 's', attempt: 1 });
    store.open({ runUID: 'r', step: 's', attempt: 2 });
    expect(store.find({ runUID: 'r', step: 's' }).isLive).to.equal(true);
    expect(store.find({ runUID: 'r', step: 's', attempt: 1 }).isLive).to.equal(false);
    expect(() => store.find({ runUID: 'r', step: 'other' })).to.throw('this node has no log of step "other"');
  });

  it('takes over what an earlier one left', () => {
    const id = { runUID: 'r', step: 's', attempt: 1 };
    new LogStore(top).open(id).append(Buffer.from('kept\n'));
    const files = new LogStore(top).find(id);
    expect(files.read(files.start())?.lines.toString()).to.equal('kept\n');
  });
});
