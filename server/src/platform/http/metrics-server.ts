import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../metrics.ts';

/**
 * Serves the metrics on a port of their own, which buyers cannot reach: they say how a sale goes,
 * and reading them costs as much as ten polls. Throws if the port is taken.
 */
export const openMetricsServer = async (options: {
  host: string;
  port: number;
  metrics: Metrics;
}): Promise<{ port: number; close(): Promise<void> }> => {
  const { registry } = options.metrics;
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
