import { open } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { drawRecord, readCommitment } from '@usher/contract/waiting-room.ts';
import { hexOf } from '@usher/domain/draw.ts';
import type { DrawRecord } from '@usher/domain/draw-check.ts';
import { checkDraw, type Finding, type Noted, type Receipt } from '@usher/domain/draw-check.ts';
import { proofOf } from '@usher/domain/merkle.ts';
import { z } from 'zod';
import { sha256 } from '../platform/hash.ts';
import { processPort } from '../platform/process.ts';
import { type Command, UsageError } from './command.ts';

const help = `usher verify-fairness: re-run a waiting room's draw from its public record and compare

  --record FILE|URL      the record: GET /api/v1/shows/{showId}/queue/draw
  --commitment FILE|HEX  what was published before the draw, GET …/queue/commitment, or its hash
  --receipt FILE         a place as its buyer received it; or as options:
    --entry N --key KEY --number M
  --json                 all findings as JSON; with a receipt also its proof against the root

Exit codes: 0 fair as far as can be checked, 1 could not check, 2 usage error, 3 not fair.
docs/operations/verify-fairness.md says what the record cannot prove.
`;

/** 10 M entries are 107 MB. */
const recordBytesMax = 256 * 1024 * 1024;
const fetchTimeoutMs = 120_000;

type Words = {
  record: string;
  commitment: string | null;
  receipt: { file: string } | Receipt | null;
  isJson: boolean;
};

/** null: they make no sense; parseArgs throws for unknown options. */
const parseWords = (argv: string[]): Words | null => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: argv,
    options: {
      record: text,
      commitment: text,
      receipt: text,
      entry: text,
      key: text,
      number: text,
      json: { type: 'boolean', default: false },
    },
  });
  const { record, commitment = null, receipt, entry, key, number } = values;
  const inWords = [entry, key, number].filter((word) => word !== undefined).length;
  if (record === undefined || (inWords !== 0 && inWords !== 3)) return null;
  if (inWords === 0) {
    return {
      record,
      commitment,
      isJson: values.json,
      receipt: receipt === undefined ? null : { file: receipt },
    };
  }
  const words = receiptInWords.safeParse({ entry, key, number });
  if (receipt !== undefined || !words.success) return null;
  return { record, commitment, isJson: values.json, receipt: words.data };
};

const key = z.string().regex(/^[\w-]{11}$/);
const receiptInWords = z.object({
  entry: z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(0)),
  key,
  number: z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1)),
});
/** Part of the contract's `place`; a buyer may have kept only this part. */
const receiptFile = z.object({
  receipt: z.object({ entry: z.int().min(0), key }),
  number: z.int().min(1).nullable(),
});

const isAddress = (where: string): boolean => /^https?:\/\//.test(where);

/** Throws if it is missing, too large, or not JSON of that shape. */
const readJson = async <T>(where: string, what: string, schema: z.ZodType<T>): Promise<T> => {
  const text = await (isAddress(where) ? fetchText(where) : fileText(where)).catch(
    (error: unknown) => {
      throw new Error(`${what} cannot be read from ${where}: ${reasonOf(error)}`, { cause: error });
    },
  );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${where} is not JSON: ${reasonOf(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`${where} is not ${what}: ${z.prettifyError(parsed.error)}`);
};

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};

const fileText = async (path: string): Promise<string> => {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > recordBytesMax) throw new Error(`it has ${size} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
};

const fetchText = async (address: string): Promise<string> => {
  const answer = await fetch(address, { signal: AbortSignal.timeout(fetchTimeoutMs) });
  if (!answer.ok) throw new Error(`the server returned ${answer.status}`);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of answer.body ?? []) {
    bytes += piece.length;
    if (bytes > recordBytesMax) throw new Error(`it has more than ${recordBytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
};

const commitmentFile = readCommitment.responses[200];

/** What the record must match, because it was known independently. */
const readNoted = async ({ record, commitment }: Words): Promise<Noted[]> => {
  const showId = isAddress(record) ? /\/shows\/(\w+)\//.exec(record)?.[1] : undefined;
  const noted: Noted[] = showId === undefined ? [] : [{ showId }];
  if (commitment === null) return noted;
  if (/^[0-9a-f]{64}$/.test(commitment)) return [...noted, { commitment }];
  return [...noted, await readJson(commitment, 'a commitment', commitmentFile)];
};

const readReceipt = async ({ receipt }: Words): Promise<Receipt | null> => {
  if (receipt === null || 'entry' in receipt) return receipt;
  const place = await readJson(receipt.file, 'a place with its receipt', receiptFile);
  return { ...place.receipt, number: place.number };
};

type Verdict = 'fair' | 'could not check' | 'unfair';
const exitCodes: Record<Verdict, number> = { fair: 0, 'could not check': 1, unfair: 3 };

const verdictOf = (findings: readonly Finding[]): Verdict => {
  if (findings.some(({ outcome }) => outcome === 'broken')) return 'unfair';
  return findings.some(({ outcome }) => outcome === 'unknown') ? 'could not check' : 'fair';
};

const marks = { holds: 'holds    ', broken: 'BROKEN   ', unknown: 'unknown  ' };
const closing: Record<Verdict, string> = {
  fair: 'fair: the numbers follow from the commitment and from the people who joined',
  'could not check': 'not everything could be checked; nothing wrong was found',
  unfair: 'unfair: the record, or what it was compared with, does not match a fair draw',
};

const inWords = (findings: readonly Finding[], isCompared: boolean): string => {
  const lines = findings.map(({ outcome, says }) => `${marks[outcome]}${says}`);
  if (!isCompared) {
    lines.push(
      'not checked whether this commitment was public before the draw; --commitment compares it',
    );
  }
  return [...lines, closing[verdictOf(findings)], ''].join('\n');
};

const asJson = (
  findings: readonly Finding[],
  { record, receipt }: { record: DrawRecord; receipt: Receipt | null },
): string => {
  const verdict = verdictOf(findings);
  const isProvable = verdict !== 'unfair' && receipt !== null && receipt.entry < record.entries;
  const proof = isProvable
    ? proofOf(sha256, Buffer.from(record.keys, 'base64'), receipt.entry).map(hexOf)
    : null;
  return `${JSON.stringify({ verdict, findings, proof })}\n`;
};

const run = async (argv: string[]): Promise<number> => {
  const words = parseWords(argv);
  if (words === null)
    throw new UsageError('give --record, and at most one receipt: --receipt, or all its options');
  const [record, noted, receipt] = await Promise.all([
    readJson(words.record, 'the record of a draw', drawRecord),
    readNoted(words),
    readReceipt(words),
  ]);
  const findings = checkDraw(sha256, { record, receipt, noted });
  processPort.print(
    words.isJson
      ? asJson(findings, { record, receipt })
      : inWords(findings, words.commitment !== null),
  );
  return exitCodes[verdictOf(findings)];
};

export const verifyFairnessCommand: Command = { help, run };
