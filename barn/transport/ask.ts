import type { Clock } from '../../base/index.ts';
import { malformed } from './byte-reader.ts';
import { TransportError } from './error.ts';
import { frameKinds } from './frames.ts';
import { readRefusal, writeRefusal } from './hello.ts';
import type { Link } from './link.ts';
import { questionBytesMax } from './transport.ts';

/** From the welcome to the answer. */
const answerMs = 5_000;

/** Asks one question over a link of its own, which has ended when it settles. Errors: Refused, Unreachable, Malformed. */
export function ask(link: Link, question: Uint8Array, clock: Clock): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (!link.isOpen) return reject(new TransportError('Unreachable', 'the connection broke at once'));
    const done = new TransportError('Closed', 'the question was answered');
    const late = new TransportError('Unreachable', `a peer gave no answer in ${answerMs} ms`);
    const timer = clock.after(answerMs, () => link.end(late));
    link.listen({
      onFrame(kind, body) {
        if (kind === frameKinds.answer) resolve(body);
        else if (kind === frameKinds.refused)
          reject(new TransportError('Refused', `a peer refused a question: ${readRefusal(body)}`));
        else throw malformed(`answers a question with a frame of kind ${kind}`);
        link.end(done, true);
      },
      onClosed(error) {
        timer.cancel();
        reject(error);
      },
    });
    link.frame(frameKinds.question, (writer) => writer.raw(question));
    link.push();
  });
}

/** Answers the one question that comes over a link. The link ends with it, and when none comes in time. */
export function answer(
  link: Link,
  options: {
    readonly clock: Clock;
    readonly onQuestion: (question: Uint8Array) => Promise<Uint8Array>;
    readonly onEnd: () => void;
  },
): void {
  let isAsked = false;
  const late = new TransportError('Unreachable', `no question was asked or answered in ${answerMs} ms`);
  const timer = options.clock.after(answerMs, () => link.end(late), { unref: true });
  link.listen({
    onFrame(kind, body) {
      if (kind !== frameKinds.question || isAsked || body.byteLength > questionBytesMax)
        throw malformed(`is no question of at most ${questionBytesMax} bytes`);
      isAsked = true;
      answerTo(body).then(
        (text) => reply(frameKinds.answer, text),
        (error: unknown) => reply(frameKinds.refused, error instanceof Error ? error.message : String(error)),
      );
    },
    onClosed() {
      timer.cancel();
      options.onEnd();
    },
  });

  async function answerTo(question: Uint8Array): Promise<Uint8Array> {
    const bytes = await options.onQuestion(question);
    if (bytes.byteLength <= questionBytesMax) return bytes;
    throw new TransportError('Refused', `the answer has ${bytes.byteLength} bytes; allowed are ${questionBytesMax}`);
  }

  function reply(kind: number, content: Uint8Array | string): void {
    if (!link.isOpen) return;
    link.frame(kind, (writer) => (typeof content === 'string' ? writeRefusal(writer, content) : writer.raw(content)));
    link.push();
    link.end(new TransportError('Closed', 'the question was answered'), true);
  }
}
