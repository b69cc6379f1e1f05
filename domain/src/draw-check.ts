import {
  bytesOfHex,
  commitmentOf,
  drawAlgorithm,
  drawSeedOf,
  hexOf,
  numberOf,
  permutationOf,
  seedBytes,
} from './draw.ts';
import { keyBytes, rootOf, type Sha256 } from './merkle.ts';

/** The public record of a draw, from which anybody can re-run it. */
export type DrawRecord = {
  showId: string;
  algorithm: string;
  commitment: string;
  commitmentAt: string;
  serverSeed: string;
  entries: number;
  root: string;
  seed: string;
  drawnAt: string;
  /** base64: 8 bytes per entry. */
  keys: string;
};

/** What a buyer has; `key` is base64url, `number` is null before the draw. */
export type Receipt = { entry: number; key: string; number: number | null };

/** What is known about the draw from elsewhere: its URL, or what was published before it. */
export type Noted = Partial<
  Pick<DrawRecord, 'showId' | 'algorithm' | 'commitment' | 'commitmentAt'>
>;

export type Finding = {
  check: keyof DrawRecord | 'noted' | 'receipt' | 'number';
  /** unknown: the data do not allow a decision. */
  outcome: 'holds' | 'broken' | 'unknown';
  says: string;
};

const finding =
  (outcome: Finding['outcome']) =>
  (check: Finding['check'], says: string): Finding => ({ check, outcome, says });
const holds = finding('holds');
const broken = finding('broken');
const unknown = finding('unknown');

const either = (check: Finding['check'], isTrue: boolean, yes: string, no: string): Finding =>
  isTrue ? holds(check, yes) : broken(check, no);

/**
 * Re-runs the draw from its public record and reports for each part whether it follows from the
 * others. Uses only its arguments; 1 M entries take 1.5 s of computing.
 */
export const checkDraw = (
  sha256: Sha256,
  given: { record: DrawRecord; receipt: Receipt | null; noted: readonly Noted[] },
): Finding[] => {
  const { record, receipt } = given;
  const keys = Buffer.from(record.keys, 'base64');
  const known = given.noted.flatMap((noted) => againstNoted(record, noted));
  const made = [
    checkDates(record),
    checkCommitment(sha256, record),
    checkKeys(record, keys),
    ...checkSeeds(sha256, record, keys),
  ];
  const algorithm = checkAlgorithm(
    record,
    made.every(({ outcome }) => outcome === 'holds'),
  );
  if (algorithm.outcome === 'unknown') return [...known, algorithm];
  const own = receipt === null ? [] : checkReceipt(sha256, { record, keys, receipt });
  return [...known, ...made, algorithm, ...own];
};

const againstNoted = (record: DrawRecord, noted: Noted): Finding[] =>
  (['showId', 'algorithm', 'commitment', 'commitmentAt'] as const)
    .filter((field) => noted[field] !== undefined)
    .map((field) =>
      either(
        'noted',
        noted[field] === record[field],
        `${field} matches what was known independently`,
        `${field} is ${record[field]} in the record, but was known to be ${noted[field]}`,
      ),
    );

const checkDates = ({ commitmentAt, drawnAt }: DrawRecord): Finding =>
  either(
    'drawnAt',
    Date.parse(commitmentAt) <= Date.parse(drawnAt),
    'the commitment is dated before the draw',
    `the commitment is dated ${commitmentAt}, after the draw of ${drawnAt}`,
  );

const checkCommitment = (sha256: Sha256, { serverSeed, commitment }: DrawRecord): Finding => {
  const bytes = bytesOfHex(serverSeed);
  if (bytes?.length !== seedBytes) return broken('serverSeed', 'the server’s seed is not 32 bytes');
  return either(
    'commitment',
    hexOf(commitmentOf(sha256, bytes)) === commitment,
    'the server’s seed matches the commitment',
    'the server’s seed does not match the commitment',
  );
};

const checkKeys = (record: DrawRecord, keys: Buffer): Finding => {
  if (keys.toString('base64') !== record.keys) return broken('keys', 'the keys are not base64');
  if (keys.length !== record.entries * keyBytes) {
    return broken(
      'entries',
      `the record claims ${record.entries} entries but has ${keys.length} bytes of keys`,
    );
  }
  const { people, lost } = countPeople(keys);
  const lostToo = lost === 0 ? '' : `; ${lost} entries lost their key in a failure`;
  return holds('entries', `${record.entries} entries of ${people} people${lostToo}`);
};

/** People who left and came back have several entries, of which the last one counts. */
const countPeople = (keys: Buffer): { people: number; lost: number } => {
  const sorted = new BigUint64Array(new Uint8Array(keys).buffer).sort();
  let [people, lost] = [0, 0];
  for (const [at, key] of sorted.entries()) {
    if (key === 0n) lost += 1;
    else if (key !== sorted[at - 1]) people += 1;
  }
  return { people, lost };
};

const checkSeeds = (sha256: Sha256, record: DrawRecord, keys: Buffer): Finding[] => {
  if (keys.length % keyBytes !== 0)
    return [broken('root', 'the root does not match the keys: they are not whole')];
  const serverSeed = bytesOfHex(record.serverSeed) ?? new Uint8Array();
  const root = bytesOfHex(record.root) ?? new Uint8Array();
  return [
    either(
      'root',
      hexOf(rootOf(sha256, keys)) === record.root,
      'the root matches these keys in this order',
      'the root does not match these keys: one was changed, moved, added or removed',
    ),
    either(
      'seed',
      hexOf(drawSeedOf(sha256, serverSeed, root)) === record.seed,
      'the seed of the draw follows from the server’s seed and the root',
      'the seed of the draw does not follow from the server’s seed and the root',
    ),
  ];
};

/** Another name may mean other rules; but if the record follows our rules, the name is wrong. */
const checkAlgorithm = ({ algorithm }: DrawRecord, isWhole: boolean): Finding => {
  if (algorithm === drawAlgorithm) return holds('algorithm', `the algorithm is ${drawAlgorithm}`);
  return isWhole
    ? broken('algorithm', `the record follows ${drawAlgorithm}, but names ${algorithm}`)
    : unknown('algorithm', `the record names ${algorithm}; this program knows ${drawAlgorithm}`);
};

const checkReceipt = (
  sha256: Sha256,
  { record, keys, receipt }: { record: DrawRecord; keys: Buffer; receipt: Receipt },
): Finding[] => {
  const { entry } = receipt;
  const isDrawn = entry < record.entries;
  return [
    isDrawn
      ? checkOwnKey(receipt, keys.subarray(entry * keyBytes, (entry + 1) * keyBytes))
      : holds(
          'receipt',
          `entry ${entry} joined after the draw, which had ${record.entries} entries`,
        ),
    checkNumber(receipt, isDrawn, numberAgain(sha256, record, entry)),
  ];
};

const checkOwnKey = ({ entry, key }: Receipt, drawn: Buffer): Finding => {
  if (drawn.length === keyBytes && drawn.every((byte) => byte === 0)) {
    return unknown('receipt', `the key of entry ${entry} was lost in a failure before the draw`);
  }
  return either(
    'receipt',
    drawn.toString('base64url') === key,
    `entry ${entry} has the same key in the record as on the receipt`,
    `entry ${entry} has a different key in the record from the one on the receipt`,
  );
};

/** null: the record has no seed to compute numbers from. */
const numberAgain = (sha256: Sha256, record: DrawRecord, entry: number): number | null => {
  const seed = bytesOfHex(record.seed);
  if (seed?.length !== seedBytes) return null;
  return numberOf(entry, permutationOf(sha256, seed, record.entries));
};

const checkNumber = (receipt: Receipt, isDrawn: boolean, number: number | null): Finding => {
  const { entry } = receipt;
  if (number === null) return unknown('number', 'no number can be computed without a seed');
  if (receipt.number === null) {
    return unknown('number', `the receipt has no number; entry ${entry} has ${number}`);
  }
  const source = isDrawn ? 'the draw' : 'the order of joining';
  return either(
    'number',
    receipt.number === number,
    `${source} gives entry ${entry} number ${number}`,
    `entry ${entry} has number ${number}, but the receipt says ${receipt.number}`,
  );
};
