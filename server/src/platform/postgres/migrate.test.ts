import { expect, test } from 'vitest';
import { faultOfVersion } from './migrate.ts';

test('PostgreSQL before 15 is refused with a clear message, 15 and later are accepted', () => {
  expect(faultOfVersion(149_999)).toBe('PostgreSQL 15 or later is needed; DATABASE_URL has 14');
  expect(faultOfVersion(90_624)).toContain('has 9');
  for (const version of [150_000, 150_008, 180_004]) expect(faultOfVersion(version)).toBeNull();
});
