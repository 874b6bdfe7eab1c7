import { Observable } from 'rxjs';
import { kinds, type Slice } from '../apis/index.ts';
import { Informer, type InformerDeps } from '../client/index.ts';
import type { SliceChange } from './agent.ts';

/** An informer of the slices bound to `node`; the caller starts and disposes it. */
export function sliceInformer(deps: InformerDeps, node: string): Informer<Slice> {
  return new Informer(deps, { kind: kinds.slices, fieldSelector: `spec.nodeName=${node}` });
}

/** What a synced informer holds as `initial`, then its changes. */
export function sliceChanges(informer: Informer<Slice>): Observable<SliceChange> {
  return new Observable((subscriber) => {
    let type: 'initial' | 'set' = 'initial';
    const subscription = informer.events$.subscribe((event) => {
      subscriber.next({ type: event.type === 'deleted' ? 'gone' : type, slice: event.object });
    });
    type = 'set';
    return subscription;
  });
}
