import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LogFiles, logFileBytesMax } from './log-files.ts';

describe('runi-agent/exchange: log files', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'logs-'));
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  function readAll(files: LogFiles, from = files.start()): string {
    let text = '';
    for (let more = files.read(from); more !== undefined; more = files.read(more.next)) text += more.lines.toString();
    return text;
  }

  it('keeps the newest files and reads on over their borders', () => {
    const files = LogFiles.openLive(join(top, 'a'));
    const line = (index: number): Buffer => Buffer.from(`${String(index).padStart(9, '0')}\n`.repeat(10_000));
    const start = files.start();
    for (let index = 0; index < 60; index++) files.append(line(index));
    expect(readdirSync(join(top, 'a'))).to.have.length(4);
    expect(files.bytes).to.be.at.most(4 * logFileBytesMax);
    const text = readAll(files, start);
    expect(text.slice(-10)).to.equal('000000059\n');
    const numbers = text.trim().split('\n').map(Number);
    expect(numbers).to.deep.equal([...numbers].sort((a, b) => a - b));
  });

  it('finds the last lines, over a border too', () => {
    const files = LogFiles.openLive(join(top, 'b'));
    files.append(Buffer.from('a\nb\n'));
    for (const [lines, expected] of [
      [0, ''],
      [1, 'b\n'],
      [2, 'a\nb\n'],
      [9, 'a\nb\n'],
    ] as const)
      expect(readAll(files, files.tail(lines))).to.equal(expected);
    files.append(Buffer.concat([Buffer.alloc(logFileBytesMax - 2, 'x'), Buffer.from('\n')]));
    files.append(Buffer.from('c\n'));
    expect(readAll(files, files.tail(3)).replace(/x+/, 'x')).to.equal('b\nx\nc\n');
  });

  it('goes on where a dead exchange left off', () => {
    LogFiles.openLive(join(top, 'c')).append(Buffer.from('before\n'));
    const files = LogFiles.openLive(join(top, 'c'));
    files.append(Buffer.from('after\n'));
    expect(readAll(files)).to.equal('before\nafter\n');
  });

  it('wakes who follows when lines come and when it ends', async () => {
    const files = LogFiles.openLive(join(top, 'd'));
    const first = files.changed(new AbortController().signal);
    files.append(Buffer.from('x\n'));
    await first;
    const second = files.changed(new AbortController().signal);
    files.finish();
    await second;
    expect(files.isLive).to.equal(false);
  });
});
