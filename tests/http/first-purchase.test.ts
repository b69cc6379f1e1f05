import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { makeHttpClient } from '@usher/stampede/http.ts';
import { beforeAll, expect, test } from 'vitest';
import { openScratchServer } from '../../server/src/commands/scratch-server.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { afterThisFile } from '../support/after-file.ts';
import { scratchFolder } from '../support/scratch.ts';
import { describeNeeding, testNeeding } from '../support/stack.ts';

const exec = promisify(execFile);
const page = new URL('../../docs/first-purchase.md', import.meta.url);

/** The blocks that a reader pastes, in order. */
const blocksOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);

/** The output of a reader's shell for all blocks, and the folder with the files they create. */
const walk = async (markdown: string, url: string) => {
  const folder = await scratchFolder();
  const script = join(folder, 'page.sh');
  await writeFile(script, blocksOf(markdown).join('\n').replaceAll('http://127.0.0.1:3000', url));
  const { stdout } = await exec('sh', ['-eu', script], {
    cwd: folder,
    // The reader's own node, which may be 20; ours only where there is none.
    env: {
      PATH: [process.env['PATH'], dirname(process.execPath)].join(delimiter),
      TMPDIR: folder,
    },
    timeout: 120_000,
  });
  const [made = ''] = (await readdir(folder)).filter((name) => name !== 'page.sh');
  return { stdout, fileOf: (name: string) => join(folder, made, name) };
};

describeNeeding('curl', 'a reader who pastes docs/first-purchase.md block by block', () => {
  let walked: Awaited<ReturnType<typeof walk>>;
  beforeAll(async () => {
    const http = makeHttpClient(2);
    const server = await openScratchServer({
      http,
      clock: systemClock,
      env: process.env,
      settings: {},
      execPath: process.execPath,
      pid: process.pid,
      signal: new AbortController().signal,
    });
    afterThisFile(async () => {
      await server.stop();
      await http.close();
    });
    walked = await walk(await readFile(page, 'utf8'), server.url);
  }, 300_000);

  test('completes the purchase and gets what the page shows', async () => {
    const says = [...(await readFile(page, 'utf8')).matchAll(/^```text\n(.*?)^```$/gms)];
    expect(says).toHaveLength(5);
    for (const [, text = ''] of says) expect(walked.stdout).toContain(text);
  });

  test('gets a PDF, a QR code and a calendar entry', async () => {
    const pdf = await readFile(walked.fileOf('tickets.pdf'));
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(await readFile(walked.fileOf('qr.svg'), 'utf8')).toMatch(/^<svg /);
    expect(await readFile(walked.fileOf('evening.ics'), 'utf8')).toMatch(/^BEGIN:VCALENDAR\r\n/);
  });

  testNeeding(
    'pdftoppm',
    'finds the Korean title on the ticket, both as text and as drawn glyphs',
    async () => {
      const pdf = walked.fileOf('tickets.pdf');
      const { stdout } = await exec('pdftotext', ['-f', '1', '-l', '1', '-bbox', pdf, '-']);
      const word = /xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">〈붉은</.exec(
        stdout,
      );
      const [left = 0, top = 0, right = 0, bottom = 0] = (word ?? []).slice(1).map(Number);
      expect(right - left).toBeGreaterThan(10);
      const box = [left, top, right - left, bottom - top].map((points) => String(points | 0));
      const crop = ['-x', '-y', '-W', '-H'].flatMap((name, i) => [name, box[i] ?? '']);
      const { stdout: pgm } = await exec(
        'pdftoppm',
        ['-gray', '-r', '72', '-f', '1', '-l', '1', ...crop, pdf],
        { encoding: 'buffer' },
      );
      const header = /^P5\s+\d+\s+\d+\s+255\s/.exec(pgm.subarray(0, 40).toString('latin1'));
      const pixels = pgm.subarray(header?.[0].length ?? 0);
      const dark = pixels.filter((grey) => grey < 128).length / pixels.length;
      expect(dark).toBeGreaterThan(0.05);
      expect(dark).toBeLessThan(0.7);
    },
  );

  test('fails on a page that is wrong', async () => {
    const wrong = '```sh\necho \'{"a": 1}\' > a.json\n```\n\n```sh\nfalse\n```\n';
    await expect(walk(wrong, 'http://127.0.0.1:1')).rejects.toThrow('page.sh');
    const { stdout } = await walk('```sh\ncd "$(mktemp -d)"\necho here\n```\n', '');
    expect(stdout).toBe('here\n');
  });
});
