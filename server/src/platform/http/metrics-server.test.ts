import { expect, test } from 'vitest';
import { makeMetrics } from '../metrics.ts';
import { openMetricsServer } from './metrics-server.ts';

test('the port of the metrics serves them and nothing else', async () => {
  const metrics = makeMetrics();
  metrics.counter('usher_tests_total', 'of this test').inc();
  const server = await openMetricsServer({ host: '127.0.0.1', port: 0, metrics });
  const at = `http://127.0.0.1:${server.port}`;
  const response = await fetch(`${at}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(await response.text()).toContain('usher_tests_total 1');
  expect((await fetch(`${at}/healthz`)).status).toBe(404);
  expect((await fetch(`${at}/metrics`, { method: 'POST' })).status).toBe(404);
  await expect(
    openMetricsServer({ host: '127.0.0.1', port: server.port, metrics }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await server.close();
  metrics.close();
});
