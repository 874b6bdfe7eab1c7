// The peer of `validate`: what one writes with Node's streams, JSON.parse and ajv. Arguments: input, output, dead letters.
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { flightSchema } from './validate-schema.ts';

const [input = '', output = '', dead = ''] = process.argv.slice(2);
const validate = new Ajv2020().compile(flightSchema);
const rejected = createWriteStream(dead);
let open = '';

const lines = new Transform({
  readableObjectMode: true,
  transform(chunk: Buffer, _encoding, done: TransformCallback) {
    const parts = (open + chunk.toString('utf8')).split('\n');
    open = parts.pop() ?? '';
    for (const part of parts) this.push(part);
    done();
  },
  flush(done) {
    if (open !== '') this.push(open);
    done();
  },
});

const check = new Transform({
  writableObjectMode: true,
  transform(line: string, _encoding, done: TransformCallback) {
    const record: unknown = JSON.parse(line);
    if (validate(record)) this.push(`${line}\n`);
    else rejected.write(`${JSON.stringify({ errors: validate.errors, original: line })}\n`);
    done();
  },
});

await pipeline(
  createReadStream(input, { highWaterMark: 256 * 1024 }),
  lines,
  check,
  createWriteStream(output, { highWaterMark: 256 * 1024 }),
);
rejected.end();
