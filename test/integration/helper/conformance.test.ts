import { describeSpawner } from '../../../runi-agent/spawner-conformance.ts';
import { HelperFixture, makeHelper, unavailable } from './fixture.ts';

if (unavailable === undefined) {
  describeSpawner('runi-agent: helper as a spawner', () => {
    makeHelper();
    return HelperFixture.open();
  });
} else {
  describe('runi-agent: helper as a spawner', () => {
    it.skip(`all of it: ${unavailable}`);
  });
}
