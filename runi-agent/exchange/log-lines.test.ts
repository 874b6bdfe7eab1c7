import { expect } from 'chai';
import { encodeLogFrame } from '../plain/log-forward.ts';
import { LogFrameError, LogLines, lineBytesMax, Stamps, textsOf } from './log-lines.ts';

const time = '2026-01-01T00:00:00.000Z';

describe('runi-agent/exchange: log lines', () => {
  it('cuts frames into stamped lines, whatever the chunks', () => {
    const frames = Buffer.concat([
      encodeLogFrame(1, Buffer.from('one\ntw')),
      encodeLogFrame(2, Buffer.from('oops\n')),
      encodeLogFrame(1, Buffer.from('o\nrest')),
    ]);
    for (const size of [1, 3, 100]) {
      const lines = new LogLines();
      let text = '';
      for (let at = 0; at < frames.length; at += size)
        text += lines.push(frames.subarray(at, at + size), time).toString();
      text += lines.flush(time).toString();
      expect(text.split('\n')).to.deep.equal([
        `${time} stdout F one`,
        `${time} stderr F oops`,
        `${time} stdout F two`,
        `${time} stdout F rest`,
        '',
      ]);
    }
  });

  it('writes a long line in parts that read as one', () => {
    const long = Buffer.alloc(lineBytesMax * 2 + 10, 'x');
    const lines = new LogLines();
    const stored = lines.push(encodeLogFrame(1, Buffer.concat([long, Buffer.from('\n')])), time);
    expect(stored.toString().match(/ stdout [PF] /g)).to.deep.equal([' stdout P ', ' stdout P ', ' stdout F ']);
    expect(textsOf(stored, undefined).toString()).to.equal(`${long.toString()}\n`);
  });

  it('leaves out lines that are too old', () => {
    const stored = Buffer.from(`${time} stdout F old\n2026-01-01T00:00:09.000Z stderr F new\n`);
    expect(textsOf(stored, '2026-01-01T00:00:05.000Z').toString()).to.equal('new\n');
  });

  it('puts the time before each line, and once before one that was stored in parts', () => {
    const [first, second] = ['2026-01-01T00:00:01.000Z', '2026-01-01T00:00:02.000Z'];
    const stamps = new Stamps();
    const chunks = [`${first} stdout P lo`, `${second} stdout F ng`, `${second} stderr F other`];
    const texts = chunks.map((line) => textsOf(Buffer.from(`${line}\n`), undefined, stamps).toString());
    expect(texts.join('')).to.equal(`${first} long\n${second} other\n`);
  });

  it('refuses an unknown stream and a frame without bound', () => {
    expect(() => new LogLines().push(Buffer.from([3, 0, 0, 0, 0]), time)).to.throw(LogFrameError);
    expect(() => new LogLines().push(Buffer.from([1, 255, 255, 255, 255]), time)).to.throw(LogFrameError);
  });
});
