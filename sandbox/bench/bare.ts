/** The least that node:http can do for the same request: parse it, answer a text of that size. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const answer = JSON.stringify({ text: 'x'.repeat(1200) });
const server = createServer((req, res) => {
  if (req.method === 'GET') {
    const { user, system } = process.cpuUsage();
    res.end(JSON.stringify({ cpuMicros: user + system, rssBytes: process.memoryUsage.rss() }));
    return;
  }
  let text = '';
  req.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  req.on('end', () => {
    JSON.parse(text);
    res.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', answer.length]);
    res.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${port}` })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
